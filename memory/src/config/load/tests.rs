use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::tests::warnings_of;

/// The settings of a text as `key=value@line`, or the error.
fn check(
    load: fn(&mut Configuration, &str) -> Result<(), ConfigError>,
    text: &str,
    expected: Result<&[&str], &str>,
) {
    let mut config = Configuration::new();
    let result = load(&mut config, text);
    match (result, expected) {
        (Ok(()), Ok(expected)) => {
            let found: Vec<String> = config
                .entries()
                .map(|(key, value)| {
                    let origin = config.shown().find(|shown| shown.key == key).unwrap().origin;
                    let line = match origin {
                        Origin::File { line, .. } | Origin::Environment { line, .. } => *line,
                        Origin::CommandLine | Origin::Program => 0,
                    };
                    format!("{key}={value}@{line}")
                })
                .collect();
            assert_eq!(found, expected, "{text}");
        }
        (Err(error), Err(part)) => {
            let message = error.to_string();
            assert!(message.contains(part), "'{message}' does not hold '{part}'");
            assert_eq!(config, Configuration::new(), "an error applies nothing");
        }
        (found, expected) => panic!("{text:?} gives {found:?}, expected {expected:?}"),
    }
}

fn yaml(config: &mut Configuration, text: &str) -> Result<(), ConfigError> {
    config.load_yaml(text, Path::new("conf/config.yaml"))
}

fn flat(config: &mut Configuration, text: &str) -> Result<(), ConfigError> {
    config.load_flat(text, Path::new("conf/flink-conf.yaml"))
}

fn properties(config: &mut Configuration, text: &str) -> Result<(), ConfigError> {
    config.apply_properties(text)
}

#[test]
fn nested_files() {
    check(yaml, "", Ok(&[]));
    check(yaml, "# nothing\n---\n", Ok(&[]));
    check(
        yaml,
        "jobmanager:\n  rpc:\n    address: localhost\n    port: 06123\nrest.port: 8081 # comment\n",
        Ok(&[
            "jobmanager.rpc.address=localhost@3",
            "jobmanager.rpc.port=06123@4",
            "rest.port=8081@5",
        ]),
    );
    check(
        yaml,
        "a: [x, 'y z', 1.10]\nb:\n  - 1\n  - {k: [v]}\nc: {}\nd: 'null'\ne: null\nf:\ng: true\n",
        Ok(&["a=[x, \"y z\", 1.10]@1", "b=[1, {k: [v]}]@2", "c={}@5", "d=null@6", "g=true@9"]),
    );
    check(yaml, "\u{feff}a: \"x\\ty\"\r\nb: 0x1F\r\n", Ok(&["a=x\ty@1", "b=0x1F@2"]));
    check(yaml, "a.b: 1\na:\n  b: 2\n", Ok(&["a.b=2@3"]));
    check(yaml, "a: &x {k: v}\nb: *x\nc: [*x]\n", Ok(&["a.k=v@1", "b.k=v@1", "c=[{k: v}]@3"]));
}

#[test]
fn nested_files_that_are_refused() {
    check(yaml, "a:\n - b\n  c: 1\n", Err("conf/config.yaml line"));
    check(yaml, "a: 1\nb: [1,\n", Err("not YAML"));
    check(yaml, "rest.port:8081", Err("blank after the ':'"));
    check(yaml, "- a\n- b\n", Err("not a map of keys"));
    check(yaml, "a: 1\n---\nb: 2\n", Err("line 2: a second document"));
    check(yaml, "a: *x\n", Err("not YAML"));
    check(yaml, "a: &x [*x]\n", Err("line 1: an alias repeats what it is a part of"));
    check(yaml, &laughs(20, "x"), Err("more than 100000 values"));
    check(yaml, &laughs(14, &"x".repeat(1000)), Err("more than 4194304 bytes of text"));
    check(yaml, &nested_aliases(40), Err("an alias nests too deeply"));
    check(yaml, "? [a]\n: 1\n", Err("a key must be plain text"));
    check(yaml, &"[".repeat(300), Err("line 1"));
    check(yaml, &nested_maps(40), Err("nested deeper than 32 levels"));
    check(yaml, &format!("{}: 1\n", "k".repeat(600)), Err("a key is longer than 512 bytes"));
    check(yaml, &format!("a: {}\n", "x".repeat(1 << 20)), Err("longer than 1048576 bytes"));
    let many: String = (0..=KEYS_MAX).map(|index| format!("k{index}: 1\n")).collect();
    check(yaml, &many, Err("more than 10000 keys"));
    check(flat, &many, Err("line 10001: more than 10000 keys"));
}

/// A list of two of the list above it, and so on.
fn laughs(levels: usize, text: &str) -> String {
    let mut file = format!("a0: &a0 {text}\n");
    for level in 1..=levels {
        let below = level - 1;
        file.push_str(&format!("a{level}: &a{level} [*a{below}, *a{below}]\n"));
    }
    file
}

fn nested_aliases(levels: usize) -> String {
    let mut file = "a0: &a0 x\n".to_owned();
    for level in 1..=levels {
        file.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    file
}

fn nested_maps(depth: usize) -> String {
    let mut text: String = (0..depth).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    text.push_str(&format!("{}b: 1\n", " ".repeat(depth)));
    text
}

#[test]
fn flat_files() {
    check(
        flat,
        "# comment\n\njobmanager.rpc.address: localhost # here\n  io.tmp.dirs:   /a:/b  \r\n\
         env.java.opts: -Dx: y\nquoted: \"q\"\nrest.port:8081\nfs.default-scheme: hdfs://h:1/\n",
        Ok(&[
            "env.java.opts=-Dx: y@5",
            "fs.default-scheme=hdfs://h:1/@8",
            "io.tmp.dirs=/a:/b@4",
            "jobmanager.rpc.address=localhost@3",
            "quoted=\"q\"@6",
            "rest.port=8081@7",
        ]),
    );
    check(flat, "nothing\nempty:\nempty2: \n: x\na b: c\nk: 1\nk: 2\n", Ok(&["k=2@7"]));
    check(flat, &format!("{}: 1\n", "k".repeat(600)), Err("a key is longer"));
}

#[test]
fn flink_properties() {
    check(
        properties,
        "\n  jobmanager.rpc.address: jobmanager\n  state.dir: 's3://b/c'\n m: 'a':'b'\n",
        Ok(&["jobmanager.rpc.address=jobmanager@2", "m='a':'b'@4", "state.dir=s3://b/c@3"]),
    );
}

#[test]
fn lines_that_are_skipped_are_reported_without_their_value() {
    let warnings = warnings_of(|| {
        let mut config = Configuration::new();
        flat(&mut config, "nothing secret\npassword:hidden\nempty:\na b: hidden\nk: 1\nk: 2\n")
            .unwrap();
        yaml(&mut config, "k:\nx: 1\nx: 2\n").unwrap();
    });
    assert_eq!(
        warnings,
        [
            "conf/flink-conf.yaml line 1 is skipped: it is not of the form 'key: value'",
            "conf/flink-conf.yaml line 2: write a blank after the ':' of password",
            "conf/flink-conf.yaml line 3 is skipped: empty has no value",
            "conf/flink-conf.yaml line 4 is skipped: what stands before the ':' is not a key",
            "k is set twice: conf/flink-conf.yaml line 6 wins over conf/flink-conf.yaml line 5",
            "conf/config.yaml line 1 is skipped: k has no value",
            "x is set twice: conf/config.yaml line 3 wins over conf/config.yaml line 2",
        ]
    );
}

#[test]
fn warnings_of_one_source_are_bounded() {
    let warnings = warnings_of(|| {
        let mut config = Configuration::new();
        flat(&mut config, &"nothing\n".repeat(100)).unwrap();
        let nulls: String = (0..100).map(|index| format!("k{index}:\n")).collect();
        yaml(&mut config, &nulls).unwrap();
        flat(&mut config, &"k: 1\n".repeat(101)).unwrap();
    });
    assert_eq!(warnings.len(), 3 * 21);
    let last = "80 more warnings about the same source are not shown";
    assert_eq!([&warnings[20], &warnings[41], &warnings[62]], [last; 3]);
}

#[test]
fn arguments() {
    let parse = |arguments: &[&str]| {
        let mut config = Configuration::new();
        let others = config.apply_arguments(arguments.iter().map(|text| (*text).to_owned()))?;
        let set: Vec<String> =
            config.entries().map(|(key, value)| format!("{key}={value}")).collect();
        Ok::<_, ConfigError>((set, others))
    };
    let (set, others) = parse(&[
        "run",
        "-Da.b=c=d",
        "-D",
        "e = f ",
        "--input",
        "x",
        "-Dflag",
        "-Da.b=2",
        "--",
        "-Dnot=this",
    ])
    .unwrap();
    assert_eq!(set, ["a.b=2", "e=f", "flag=true"]);
    assert_eq!(others, ["run", "--input", "x", "--", "-Dnot=this"]);
    for (arguments, part) in [
        (&["-D"][..], "argument '-D': nothing follows"),
        (&["-D=s3cret"][..], "argument '-D=...': there is no key"),
    ] {
        let message = parse(arguments).unwrap_err().to_string();
        assert!(message.contains(part) && !message.contains("s3cret"), "{message}");
    }
}

#[test]
fn folders_and_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let environment = |name: &str| match name {
        FLINK_CONF_DIR => Some(path.display().to_string()),
        FLINK_PROPERTIES => Some("b: from environment".to_owned()),
        _ => None,
    };
    let message = Configuration::from_environment(environment).unwrap_err().to_string();
    assert!(message.contains("neither config.yaml nor flink-conf.yaml"), "{message}");

    std::fs::write(path.join("flink-conf.yaml"), "a: flat\nb: flat\n").unwrap();
    let config = Configuration::from_environment(environment).unwrap();
    assert_eq!((config.raw("a"), config.raw("b")), (Some("flat"), Some("from environment")));

    std::fs::write(path.join("config.yaml"), b"a: nested\nc: \xff\n").unwrap();
    let warnings = warnings_of(|| {
        let mut config = Configuration::new();
        assert_eq!(config.load_folder(path).unwrap(), path.join("config.yaml"));
        assert_eq!((config.raw("a"), config.raw("c")), (Some("nested"), Some("\u{fffd}")));
    });
    assert!(warnings[0].contains("is ignored because config.yaml is beside it"), "{warnings:?}");
    assert!(warnings[1].contains("line 2 is not UTF-8"), "{warnings:?}");

    let message = Configuration::new().load_file(&path.join("gone.yaml")).unwrap_err().to_string();
    assert!(message.starts_with("cannot read the configuration file"), "{message}");
    std::fs::write(path.join("large.yaml"), vec![b'#'; (FILE_BYTES_MAX + 2) as usize]).unwrap();
    let message = Configuration::new().load_file(&path.join("large.yaml")).unwrap_err().to_string();
    assert!(message.contains("longer than"), "{message}");
    std::fs::write(path.join("own.conf"), "k: a: b\n").unwrap();
    let mut config = Configuration::new();
    config.load_file(&path.join("own.conf")).unwrap();
    assert_eq!(config.raw("k"), Some("a: b"));
}

#[test]
fn every_short_text_of_yaml_signs_is_read_or_refused() {
    // All texts of up to five signs that steer the YAML parser.
    let signs = [
        "a", ":", " ", "\n", "-", "[", "]", "{", "}", ",", "'", "\"", "#", "?", "&", "*", "!", "|",
    ];
    let mut texts = vec![String::new()];
    let mut from = 0;
    for _ in 0..4 {
        let to = texts.len();
        for index in from..to {
            for sign in signs {
                texts.push(format!("{}{sign}", texts[index]));
            }
        }
        from = to;
    }
    for text in &texts {
        let mut config = Configuration::new();
        let _ = yaml(&mut config, text);
        let _ = flat(&mut config, text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        exercise(&bytes);
    }

    #[test]
    fn no_yaml_like_text_panics(text in "([a-c.]{0,3}|[-:?&*!|>%@'\"#,\\[\\]{}~ \t\r\n\\\\]|: |- |\n  |---\n|\\.\\.\\.\n|-D|=|[0-9]|µ|\u{85}|\u{2028}|\u{feff}){0,60}") {
        exercise(text.as_bytes());
    }

    #[test]
    fn settings_read_back_from_both_grammars(
        entries in proptest::collection::btree_map("[a-z][a-z0-9-]{0,8}(\\.[a-z][a-z0-9-]{0,8}){1,2}", "[!$-~]([ -\"$-~]{0,20}[!$-~])?", 0..20),
    ) {
        let flat_text: String = entries.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        let nested_text: String = entries.iter().map(|(key, value)| {
            let (head, tail) = key.split_once('.').unwrap();
            format!("{head}:\n  {tail}: '{}'\n", value.replace('\'', "''"))
        }).collect();
        let mut from_flat = Configuration::new();
        flat(&mut from_flat, &flat_text).unwrap();
        let mut from_nested = Configuration::new();
        yaml(&mut from_nested, &nested_text).unwrap();
        let expected: Vec<(&str, &str)> = entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        prop_assert_eq!(from_flat.entries().collect::<Vec<_>>(), expected.clone());
        prop_assert_eq!(from_nested.entries().collect::<Vec<_>>(), expected);
    }
}
