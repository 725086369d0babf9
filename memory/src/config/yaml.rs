//! YAML with bounds: a document as a small tree whose nodes know their line.
//!
//! The parser of `yaml-rust2` is driven event by event, so that depth, size and number of nodes are
//! bounded before anything is kept, and so that a scalar keeps the text it was written with: a port
//! `06123` or a version `1.10` is not turned into a number and back.
//!
//! Deliberately absent: anchors, aliases and tags (they let a small file grow without bound, and no
//! configuration needs them) and more than one document.

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;
use yaml_rust2::scanner::TScalarStyle;

/// Far above the handful of levels of real keys; keeps recursion over the tree shallow.
const DEPTH_MAX: usize = 32;

/// Some 800 options exist; bounds the tree that a hostile file can build.
const NODES_MAX: usize = 100_000;

/// A document that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// Counted from 1.
    pub(crate) line: u32,
    pub(crate) reason: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: u32,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// Nothing at all, `~` or `null`.
    Null,
    /// The text as written, quotes removed.
    Scalar(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The line of the key.
    pub(crate) line: u32,
    pub(crate) key: String,
    pub(crate) value: Node,
}

/// Reads one document; `None` when there is none, or only comments.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, YamlError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), nodes: 0 };
    let mut document = None;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(document),
            (Event::DocumentStart, line) if document.is_some() => {
                return Err(YamlError { line, reason: "a second document begins here".to_owned() });
            }
            (
                Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd,
                _,
            ) => {}
            (event, line) => document = Some(reader.node(event, line, 0)?),
        }
    }
}

struct Reader<'a> {
    parser: Parser<std::str::Chars<'a>>,
    nodes: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<(Event, u32), YamlError> {
        match self.parser.next_token() {
            Ok((event, mark)) => Ok((event, line_of(mark.line()))),
            Err(error) => Err(YamlError {
                line: line_of(error.marker().line()),
                reason: format!("not YAML: {}", error.info()),
            }),
        }
    }

    fn node(&mut self, event: Event, line: u32, depth: usize) -> Result<Node, YamlError> {
        let refuse = |reason: String| Err(YamlError { line, reason });
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return refuse(format!("more than {NODES_MAX} values"));
        }
        if depth > DEPTH_MAX {
            return refuse(format!("nested deeper than {DEPTH_MAX} levels"));
        }
        let content = match event {
            Event::Scalar(text, style, _, _) => scalar(text, style),
            Event::SequenceStart(..) => self.sequence(depth)?,
            Event::MappingStart(..) => self.mapping(depth)?,
            Event::Alias(_) => {
                return refuse("an alias (*name) is not supported; repeat the value".to_owned());
            }
            other => return refuse(format!("not YAML: unexpected {other:?}")),
        };
        Ok(Node { line, content })
    }

    fn sequence(&mut self, depth: usize) -> Result<Content, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::Sequence(items)),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Content, YamlError> {
        let mut entries = Vec::new();
        loop {
            let (key, key_line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Content::Mapping(entries)),
                (Event::Scalar(text, ..), line) => (text, line),
                (_, line) => {
                    let reason = "a key must be plain text, not a list or map".to_owned();
                    return Err(YamlError { line, reason });
                }
            };
            let (event, line) = self.next()?;
            let value = self.node(event, line, depth + 1)?;
            entries.push(Entry { line: key_line, key, value });
        }
    }
}

fn line_of(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

fn scalar(text: String, style: TScalarStyle) -> Content {
    let is_null =
        style == TScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
    if is_null { Content::Null } else { Content::Scalar(text) }
}

/// The text of a node as the value of a key: a scalar as it is, a list or map in flow form.
pub(crate) fn render_plain(node: &Node) -> String {
    match &node.content {
        Content::Null => String::new(),
        Content::Scalar(text) => text.clone(),
        Content::Sequence(_) | Content::Mapping(_) => {
            let mut out = String::new();
            render_flow(node, &mut out);
            out
        }
    }
}

fn render_flow(node: &Node, out: &mut String) {
    match &node.content {
        Content::Null => out.push_str("null"),
        Content::Scalar(text) => out.push_str(&quote(text)),
        Content::Sequence(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                render_flow(item, out);
            }
            out.push(']');
        }
        Content::Mapping(entries) => {
            out.push('{');
            for (index, entry) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&quote(&entry.key));
                out.push_str(": ");
                render_flow(&entry.value, out);
            }
            out.push('}');
        }
    }
}

/// `text` as a YAML scalar inside a flow list or map: bare when nothing in it has a meaning.
pub(crate) fn quote(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | '$');
    let reads_as_null = matches!(text, "null" | "Null" | "NULL");
    let starts_bare = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_');
    if starts_bare && text.chars().all(bare) && !reads_as_null {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
