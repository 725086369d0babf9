//! Lists of folders, which Flink separates otherwise than other lists.

use std::path::PathBuf;

use super::collections::flow_items;
use super::{ConfigValue, Refused};

/// Folders in the order written, none empty: `/disk1/tmp,/disk2/tmp`, also separated by `:` or `|`,
/// or a YAML list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathList(pub Vec<PathBuf>);

impl ConfigValue for PathList {
    fn type_name() -> String {
        "List of folders".to_owned()
    }

    fn accepted() -> String {
        "folders separated by a comma, a colon or a bar, such as /disk1/tmp,/disk2/tmp".to_owned()
    }

    fn parse_value(text: &str) -> Result<PathList, Refused> {
        let items = match flow_items(text)? {
            Some(items) => items,
            None => text.split([',', ':', '|']).map(str::to_owned).collect(),
        };
        let paths: Vec<PathBuf> = items
            .iter()
            .map(|item| item.trim())
            .filter(|item| !item.is_empty())
            .map(PathBuf::from)
            .collect();
        if paths.is_empty() {
            return Err(Refused::because("it names no folder"));
        }
        Ok(PathList(paths))
    }
}
