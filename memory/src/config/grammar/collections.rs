//! Lists and maps: YAML flow text as `config.yaml` gives it, or the separators of the 1.x files.

use std::collections::BTreeMap;

use super::{ConfigValue, Refused};
use crate::config::yaml::{self, Content, Node};

/// A list: `a;b;c`, or `[a, b, c]`. In the first form an item that holds `;` is put in single or
/// double quotes, and a quote inside quotes is doubled.
impl<T: ConfigValue> ConfigValue for Vec<T> {
    fn type_name() -> String {
        format!("List<{}>", T::type_name())
    }

    fn accepted() -> String {
        format!("a list such as a;b or [a, b], each item {}", T::accepted())
    }

    fn parse_value(text: &str) -> Result<Vec<T>, Refused> {
        let items = match flow_items(text)? {
            Some(items) => items,
            None if text.trim().is_empty() => Vec::new(),
            None => split_quoted(text, ';')?,
        };
        items.iter().map(|item| T::parse_value(item)).collect()
    }
}

/// A map: `k:v,k2:v2`, or `{k: v, k2: v2}`, or entries `key.k: v` beside each other. Quotes work as
/// in lists.
impl<T: ConfigValue> ConfigValue for BTreeMap<String, T> {
    const GATHERS_PREFIX: bool = true;

    fn type_name() -> String {
        format!("Map<String, {}>", T::type_name())
    }

    fn accepted() -> String {
        format!("a map such as k:v,k2:v2 or {{k: v}}, each value {}", T::accepted())
    }

    fn parse_value(text: &str) -> Result<Self, Refused> {
        let mut map = BTreeMap::new();
        for (key, value) in pairs(text)? {
            let parsed = T::parse_value(&value)
                .map_err(|Refused(reason)| Refused(format!("'{value}' of '{key}': {reason}")))?;
            if map.insert(key.clone(), parsed).is_some() {
                return Err(Refused::because(format!("'{key}' comes twice")));
            }
        }
        Ok(map)
    }
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, Refused> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(Vec::new());
    }
    if trimmed.starts_with('{') && trimmed.ends_with('}') {
        let node = parse_flow(trimmed)?;
        let Content::Mapping(entries) = node.content else {
            return Err(Refused::because("it is not a YAML map"));
        };
        return Ok(entries
            .into_iter()
            .map(|entry| (entry.key, yaml::render_plain(&entry.value)))
            .collect());
    }
    let mut pairs = Vec::new();
    for item in split_quoted(text, ',')? {
        let parts = split_raw(&item, ':')?;
        let [key, value] = parts[..] else {
            let item = item.trim();
            return Err(Refused::because(format!("'{item}' is not of the form key:value")));
        };
        pairs.push((unquote(key), unquote(value)));
    }
    Ok(pairs)
}

fn parse_flow(text: &str) -> Result<Node, Refused> {
    yaml::parse(text)
        .map_err(|error| Refused(error.reason))?
        .ok_or_else(|| Refused::because("it holds no value"))
}

/// The items of `[a, b]`; `None` when the text is not written so.
pub(super) fn flow_items(text: &str) -> Result<Option<Vec<String>>, Refused> {
    let text = text.trim();
    // `[::1]:8081` is an address.
    if !(text.starts_with('[') && text.ends_with(']')) {
        return Ok(None);
    }
    match parse_flow(text)?.content {
        Content::Sequence(nodes) => Ok(Some(nodes.iter().map(yaml::render_plain).collect())),
        _ => Err(Refused::because("it is not a YAML list")),
    }
}

fn split_quoted(text: &str, separator: char) -> Result<Vec<String>, Refused> {
    Ok(split_raw(text, separator)?.into_iter().map(unquote).collect())
}

/// Cuts at separators outside of quotes. A quote opens only at the start of a part, as in Flink, so
/// that `it's` stays what it is.
fn split_raw(text: &str, separator: char) -> Result<Vec<&str>, Refused> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == separator => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            None if is_quote(c) && opens(&text[start..at], c, separator) => quote = Some(c),
            None => {}
        }
    }
    if quote.is_some() {
        return Err(Refused::because("a quote is opened and not closed"));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn is_quote(c: char) -> bool {
    c == '"' || c == '\''
}

/// Whether a quote after `before` (the part so far) opens: at its start, as the second half of a
/// doubled quote inside a part that began with that quote, or before the value of a map's item.
fn opens(before: &str, quote: char, separator: char) -> bool {
    let before = before.trim();
    let doubled = before.starts_with(quote) && before.ends_with(quote);
    before.is_empty() || doubled || separator == ',' && before.ends_with(':')
}

/// Takes the quotes off a part that is quoted as a whole, which `'k':'v'` is not; blanks around it
/// have no meaning.
pub(in crate::config) fn unquote(part: &str) -> String {
    let part = part.trim();
    for quote in ['"', '\''] {
        let doubled = format!("{quote}{quote}");
        let inner = part.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.replace(&doubled, "").contains(quote)) {
            return inner.replace(&doubled, &quote.to_string());
        }
    }
    part.to_owned()
}

/// Prints a list so that it reads back as the same items.
pub fn render_list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| yaml::quote(item)).collect();
    format!("[{}]", items.join(", "))
}

/// Prints a map so that it reads back as the same entries.
pub fn render_map(entries: &BTreeMap<String, String>) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, value)| format!("{}: {}", yaml::quote(key), yaml::quote(value)))
        .collect();
    format!("{{{}}}", entries.join(", "))
}
