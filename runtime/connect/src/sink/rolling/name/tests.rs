use super::*;

#[test]
fn names_and_back() {
    let part =
        PartFile { bucket: "a/b".into(), subtask: 3, number: 17, run: "r-1".into(), bytes: 0 };
    let folder = Path::new("/out");
    assert_eq!(part.hidden(folder).unwrap(), Path::new("/out/a/b/.part-3-17.inprogress.r-1"));
    assert_eq!(part.finished(folder).unwrap(), Path::new("/out/a/b/part-3-17"));
    let parse = |path: PathBuf| {
        let name = path.file_name().unwrap().to_owned();
        (RollingName::parse(&name).unwrap().part(), is_in_progress(&name))
    };
    assert_eq!(parse(part.hidden(folder).unwrap()), ((3, 17), true));
    assert_eq!(parse(part.finished(folder).unwrap()), ((3, 17), false));
    for other in ["part-3", "part-03-1", "part-3-", "part--1", ".part-3-1", ".part-3.inprogress.x"]
    {
        assert_eq!(RollingName::parse(OsStr::new(other)), None, "{other}");
    }
}

#[test]
fn buckets_stay_inside() {
    let folder = Path::new("/out");
    for good in ["", "a", "a/b", "2026-01-01--05", "käse"] {
        assert!(bucket_folder(folder, good).unwrap().starts_with(folder), "{good}");
    }
    for bad in ["/etc", "..", "a/../../b", ".", "a\0b"] {
        let error = bucket_folder(folder, bad).unwrap_err().to_string();
        assert!(error.contains("bucket"), "{error}");
    }
}
