//! Rust text with its code, its comments and its literals told apart.
//!
//! Not a parser: it knows comments, literals, braces and the word `fn`, which is what the rules
//! ask about. Code that a macro puts together from pieces is seen as it is written.

use std::ops::RangeInclusive;

/// One Rust file, split into two texts of the same shape: each byte stands in one of them, and
/// the other has a blank there, so that line numbers agree.
#[derive(Debug)]
pub(crate) struct Source {
    /// Code; literals keep their quotes and lose their content.
    code: Vec<String>,
    /// Comments with their marks.
    comments: Vec<String>,
    /// Lines of `#[cfg(test)] mod name { ... }`, counted from 1.
    tests: Vec<RangeInclusive<usize>>,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line of the word `fn`, counted from 1.
    pub(crate) line: usize,
    /// Lines from there to the closing brace.
    pub(crate) lines: usize,
}

impl Source {
    pub(crate) fn new(text: &str) -> Self {
        let (code, comments) = split(text);
        let tests = test_modules(&code);
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Source { code: lines(&code), comments: lines(&comments), tests }
    }

    /// The lines of code with their numbers, counted from 1.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().enumerate().map(|(at, line)| (at + 1, line.as_str()))
    }

    /// The lines of comments with their numbers, counted from 1.
    pub(crate) fn comments(&self) -> impl Iterator<Item = (usize, &str)> {
        self.comments.iter().enumerate().map(|(at, line)| (at + 1, line.as_str()))
    }

    /// The comment on line `number`, blank when there is none.
    pub(crate) fn comment(&self, number: usize) -> &str {
        number.checked_sub(1).and_then(|at| self.comments.get(at)).map_or("", String::as_str)
    }

    /// The code on line `number`, blank when there is none.
    pub(crate) fn code_at(&self, number: usize) -> &str {
        number.checked_sub(1).and_then(|at| self.code.get(at)).map_or("", String::as_str)
    }

    /// Whether line `number` is inside a test module of this file.
    pub(crate) fn in_tests(&self, number: usize) -> bool {
        self.tests.iter().any(|lines| lines.contains(&number))
    }

    /// How many lines the file has, its test modules not counted.
    pub(crate) fn lines_without_tests(&self) -> usize {
        let tests: usize = self.tests.iter().map(|lines| lines.end() - lines.start() + 1).sum();
        self.code.len() - tests
    }

    /// All functions outside test modules.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let code = self.code.join("\n");
        let mut functions = Vec::new();
        for at in word_positions(&code, "fn") {
            let rest = code[at + 2..].trim_start();
            let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
            let line = line_of(&code, at);
            if name.is_empty() || self.in_tests(line) {
                continue;
            }
            if let Some(open) = body(&code, at) {
                let end = line_of(&code, closing(&code, open));
                functions.push(Function { name, line, lines: end - line + 1 });
            }
        }
        functions
    }
}

/// Whether `line` has `word` as a whole identifier.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    word_positions(line, word).next().is_some()
}

/// Where `word` stands in `text` as a whole identifier.
pub(crate) fn word_positions<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The opening brace of the body of the function at `at`; none for a declaration or a type.
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.checked_sub(1)?,
            '{' if depth == 0 => return Some(at + offset),
            ';' | '}' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The brace that closes the one at `open`; the end of the text when it is missing.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return open + offset,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Lines of inline modules under an attribute `cfg` that names `test`.
fn test_modules(code: &str) -> Vec<RangeInclusive<usize>> {
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("#[cfg(") {
        let Some(end) = code[at..].find(']').map(|offset| at + offset) else {
            continue;
        };
        let rest = behind_attributes(&code[end + 1..]);
        let rest = rest.strip_prefix("pub(crate) ").or(rest.strip_prefix("pub ")).unwrap_or(rest);
        if !has_word(&code[at..end], "test") || !rest.starts_with("mod ") {
            continue;
        }
        let module = code.len() - rest.len();
        if let Some(open) = body(code, module) {
            modules.push(line_of(code, at)..=line_of(code, closing(code, open)));
        }
    }
    modules
}

/// What follows the attributes that `code` begins with.
fn behind_attributes(code: &str) -> &str {
    let mut rest = code.trim_start();
    while let Some((_, behind)) =
        rest.strip_prefix("#[").and_then(|attribute| attribute.split_once(']'))
    {
        rest = behind.trim_start();
    }
    rest
}

/// Code and comments of `text`, each with blanks where the other stands.
fn split(text: &str) -> (String, String) {
    let mut splitter = Splitter { rest: text, code: String::new(), comments: String::new() };
    while !splitter.rest.is_empty() {
        splitter.step();
    }
    (splitter.code, splitter.comments)
}

struct Splitter<'a> {
    rest: &'a str,
    code: String,
    comments: String,
}

impl Splitter<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        let after_word = self.code.chars().next_back().is_some_and(is_word);
        if rest.starts_with("//") {
            self.comment(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.comment(block_comment(rest));
        } else if let Some(length) = raw_string(rest).filter(|_| !after_word) {
            self.literal(length);
        } else if rest.starts_with('"') {
            self.literal(quoted(rest, '"'));
        } else if let Some(length) = character(rest) {
            self.literal(length);
        } else {
            let c = rest.chars().next().expect("the rest is not empty");
            self.code.push(c);
            self.comments.push(if c == '\n' { '\n' } else { ' ' });
            self.rest = &rest[c.len_utf8()..];
        }
    }

    fn comment(&mut self, length: usize) {
        let (comment, rest) = self.rest.split_at(length);
        self.comments.push_str(comment);
        self.code.push_str(&blank(comment));
        self.rest = rest;
    }

    fn literal(&mut self, length: usize) {
        let (literal, rest) = self.rest.split_at(length);
        let blanks = blank(literal);
        self.comments.push_str(&blanks);
        // A quote stays, so that an identifier before it does not join what follows.
        self.code.push('"');
        self.code.push_str(blanks.get(1..).unwrap_or_default());
        self.rest = rest;
    }
}

/// A blank for each byte, line ends kept.
fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of the raw string at the start of `text`: r"", r#""#, br"", cr"".
fn raw_string(text: &str) -> Option<usize> {
    let marked = text.strip_prefix('b').or(text.strip_prefix('c')).unwrap_or(text);
    let after = marked.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let content = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - content.len();
    Some(content.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// The length of the literal at the start of `text` up to its closing `quote`.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The length of the character literal at the start of `text`; none for a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut rest = text.strip_prefix('\'')?.chars();
    let first = rest.next()?;
    let is_literal = first == '\\' || rest.next() == Some('\'');
    is_literal.then(|| quoted(text, '\''))
}

#[cfg(test)]
mod tests;
