//! Who holds bytes of something, the largest first: what every "out of memory" shows.

use std::fmt;

use crate::config::MemorySize;

/// Holders that a message names; the others are summed up.
const SHOWN: usize = 5;

/// Holders and their bytes, the largest first; who has the same comes by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TopHolders(Vec<(String, u64)>);

impl TopHolders {
    /// All of them, the largest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.0.iter().map(|(owner, bytes)| (owner.as_str(), *bytes))
    }
}

impl FromIterator<(String, u64)> for TopHolders {
    fn from_iter<I: IntoIterator<Item = (String, u64)>>(holders: I) -> TopHolders {
        let mut holders: Vec<_> = holders.into_iter().collect();
        holders.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        TopHolders(holders)
    }
}

impl fmt::Display for TopHolders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody");
        }
        let (shown, others) = self.0.split_at(self.0.len().min(SHOWN));
        for (at, (owner, bytes)) in shown.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{owner} ({})", MemorySize::from_bytes(*bytes).human())?;
        }
        if !others.is_empty() {
            let bytes = others.iter().map(|(_, bytes)| bytes).sum();
            let bytes = MemorySize::from_bytes(bytes).human();
            write!(f, " and {} others ({bytes})", others.len())?;
        }
        Ok(())
    }
}
