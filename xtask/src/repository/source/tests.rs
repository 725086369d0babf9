use super::{Function, Source, has_word};

fn code(text: &str) -> String {
    let source = Source::new(text);
    let lines: Vec<&str> = source.code().map(|(_, line)| line.trim_end()).collect();
    lines.join("\n")
}

fn comments(text: &str) -> String {
    let source = Source::new(text);
    let lines: Vec<&str> = source.comments().map(|(_, line)| line.trim()).collect();
    lines.join("\n")
}

#[test]
fn code_and_comments_are_told_apart() {
    let text = "let a = 1; // unsafe\n/* b /* c */\nd */ let e;";
    assert_eq!(code(text), "let a = 1;\n\n     let e;");
    assert_eq!(comments(text), "// unsafe\n/* b /* c */\nd */");
}

#[test]
fn literals_lose_their_content() {
    let text = r#"f("a // \" {", b"x", 'y', '\'', '"') // z"#;
    assert_eq!(code(text), r#"f("          , b"  , "  , "   , "  )"#);
    let (text, blank) = ("r#\"a \"b\" {\"# + br\"\\\" + x", " ".repeat(11));
    assert_eq!(code(text), format!("\"{blank} + \"     + x"));
    assert_eq!(code("bar\"x\""), "bar\"");
    assert_eq!(code("\"a\nb\" c"), "\"\n   c");
}

#[test]
fn a_lifetime_is_not_a_character() {
    assert_eq!(
        code("fn f<'a>(x: &'a str) { 'b: loop {} }"),
        "fn f<'a>(x: &'a str) { 'b: loop {} }"
    );
}

#[test]
fn functions_are_measured_to_their_closing_brace() {
    let text =
        "fn a() {\n  if x { y }\n}\ntrait T { fn b(); }\npub fn c(f: fn(u8)) -> [u8; 2] {\n}\n";
    let expected = [("a", 1, 3), ("c", 5, 2)];
    let expected: Vec<Function> =
        expected.map(|(name, line, lines)| Function { name: name.to_owned(), line, lines }).into();
    assert_eq!(Source::new(text).functions(), expected);
}

#[test]
fn test_modules_are_not_counted() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\nfn c() {}\n";
    let source = Source::new(text);
    assert_eq!(source.lines_without_tests(), 2);
    assert!(source.in_tests(4) && !source.in_tests(6));
    let names: Vec<String> = source.functions().into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["a", "c"]);

    let twice = Source::new("#[cfg(test)]\n#[cfg(not(loom))]\nmod tests {\n}\nfn a() {}\n");
    assert_eq!(twice.lines_without_tests(), 1);
    let sibling = Source::new("#[cfg(test)]\nmod tests;\nfn a() {}\n");
    assert_eq!(sibling.lines_without_tests(), 3);
    let other = Source::new("#[cfg(unix)]\nmod a {\n}\n");
    assert_eq!(other.lines_without_tests(), 3);
}

#[test]
fn a_word_is_a_whole_identifier() {
    assert!(has_word("x = unsafe { }", "unsafe"));
    assert!(!has_word("unsafe_code", "unsafe"));
    assert!(!has_word("not_unsafe", "unsafe"));
}
