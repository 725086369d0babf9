//! Secured connections between the processes of a cluster.

use crate::config::option::{ConfigOption, OptionDescription};

/// `security.ssl.internal.enabled`.
pub const SSL_INTERNAL_ENABLED: ConfigOption<bool> = ConfigOption::new(
    "security.ssl.internal.enabled",
    "Whether the processes of a cluster talk over TLS 1.3 and show each other certificates. No \
     effect yet.",
)
.default("false");

/// `security.ssl.internal.keystore`.
pub const SSL_INTERNAL_KEYSTORE: ConfigOption<Option<String>> = ConfigOption::new(
    "security.ssl.internal.keystore",
    "File in PEM with the certificate of this process, those between it and the authority, and \
     its key. From a PKCS #12 file openssl pkcs12 -nodes makes one.",
);

/// `security.ssl.internal.truststore`.
pub const SSL_INTERNAL_TRUSTSTORE: ConfigOption<Option<String>> = ConfigOption::new(
    "security.ssl.internal.truststore",
    "File in PEM with the certificates of the authorities that are trusted. Whoever has a \
     certificate of one of them belongs to the cluster.",
);

/// `security.ssl.internal.cert.fingerprint`.
pub const SSL_INTERNAL_FINGERPRINT: ConfigOption<Option<String>> = ConfigOption::new(
    "security.ssl.internal.cert.fingerprint",
    "SHA-256 of the one certificate that processes of the cluster may have, in hexadecimal, with \
     or without colons (openssl x509 -noout -sha256 -fingerprint).",
);

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        SSL_INTERNAL_ENABLED.describe(),
        SSL_INTERNAL_KEYSTORE.describe(),
        SSL_INTERNAL_TRUSTSTORE.describe(),
        SSL_INTERNAL_FINGERPRINT.describe(),
    ]
}
