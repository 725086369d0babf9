//! YAML with bounds: a document as a small tree whose nodes know their line.
//!
//! The parser of `yaml-rust2` is driven event by event, so that depth, size and number of nodes are
//! bounded before anything is kept, and so that a scalar keeps the text it was written with: a port
//! `06123` or a version `1.10` is not turned into a number and back.
//!
//! An alias counts as much as what it repeats, so that a small file cannot stand for a huge one.
//!
//! Deliberately absent: tags, merge keys (which YAML 1.2 does not have), more than one document.

use std::collections::BTreeMap;

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;
use yaml_rust2::scanner::TScalarStyle;

/// Far above the handful of levels of real keys; keeps recursion over the tree shallow.
const DEPTH_MAX: usize = 32;

/// Some 800 options exist; bounds the tree that a hostile file can build.
const NODES_MAX: usize = 100_000;

/// Text that all nodes may hold together: four times the longest file, which only aliases reach.
const TEXT_BYTES_MAX: usize = 4 << 20;

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
    let parser = Parser::new_from_str(text);
    let mut reader = Reader { parser, anchors: BTreeMap::new(), cost: Cost::default() };
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

/// What a tree weighs.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    nodes: usize,
    text_bytes: usize,
}

impl Cost {
    fn add(&mut self, other: Cost) {
        self.nodes += other.nodes;
        self.text_bytes += other.text_bytes;
    }

    fn of(node: &Node) -> Cost {
        let mut cost = Cost { nodes: 1, text_bytes: 0 };
        match &node.content {
            Content::Null => {}
            Content::Scalar(text) => cost.text_bytes = text.len(),
            Content::Sequence(items) => items.iter().for_each(|item| cost.add(Cost::of(item))),
            Content::Mapping(entries) => {
                for entry in entries {
                    cost.text_bytes += entry.key.len();
                    cost.add(Cost::of(&entry.value));
                }
            }
        }
        cost
    }
}

struct Reader<'a> {
    parser: Parser<std::str::Chars<'a>>,
    /// What an alias may repeat, by the parser's number, with its cost. A node is put here when it
    /// is complete, so no alias can contain itself.
    anchors: BTreeMap<usize, (Node, Cost)>,
    cost: Cost,
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

    /// Counts what is about to be kept.
    fn spend(&mut self, cost: Cost, line: u32) -> Result<(), YamlError> {
        self.cost.add(cost);
        let reason = if self.cost.nodes > NODES_MAX {
            format!("more than {NODES_MAX} values")
        } else if self.cost.text_bytes > TEXT_BYTES_MAX {
            format!("more than {TEXT_BYTES_MAX} bytes of text, aliases repeated")
        } else {
            return Ok(());
        };
        Err(YamlError { line, reason })
    }

    fn node(&mut self, event: Event, line: u32, depth: usize) -> Result<Node, YamlError> {
        let refuse = |reason: String| Err(YamlError { line, reason });
        if depth > DEPTH_MAX {
            return refuse(format!("nested deeper than {DEPTH_MAX} levels"));
        }
        let text_bytes = if let Event::Scalar(text, ..) = &event { text.len() } else { 0 };
        self.spend(Cost { nodes: 1, text_bytes }, line)?;
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(text, style), anchor),
            Event::SequenceStart(anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(anchor) => return self.repeat(anchor, line, depth),
            other => return refuse(format!("not YAML: unexpected {other:?}")),
        };
        let node = Node { line, content };
        // The parser numbers anchors from 1.
        if anchor > 0 {
            let cost = Cost::of(&node);
            self.spend(cost, line)?;
            self.anchors.insert(anchor, (node.clone(), cost));
        }
        Ok(node)
    }

    fn repeat(&mut self, anchor: usize, line: u32, depth: usize) -> Result<Node, YamlError> {
        let refuse = |reason: &str| Err(YamlError { line, reason: reason.to_owned() });
        let Some(&(_, cost)) = self.anchors.get(&anchor) else {
            return refuse("an alias repeats what it is a part of");
        };
        self.spend(cost, line)?;
        let (node, _) = &self.anchors[&anchor];
        if depth + depth_of(node) > DEPTH_MAX {
            return refuse("an alias nests too deeply");
        }
        Ok(Node { line, content: node.content.clone() })
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
                (Event::Scalar(text, ..), line) => {
                    self.spend(Cost { nodes: 0, text_bytes: text.len() }, line)?;
                    (text, line)
                }
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

/// Levels below a node.
fn depth_of(node: &Node) -> usize {
    match &node.content {
        Content::Null | Content::Scalar(_) => 0,
        Content::Sequence(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        Content::Mapping(entries) => {
            1 + entries.iter().map(|entry| depth_of(&entry.value)).max().unwrap_or(0)
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
