//! The frame of a file: its header, and sections with lengths and checksums.

use crate::checkpoint::wire::{Fault, Reader};

/// What kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileKind {
    pub(crate) magic: &'static [u8; 8],
    pub(crate) version: u16,
    /// In words, for messages.
    pub(crate) name: &'static str,
}

pub(crate) const FILE_HEADER_BYTES: usize = 20;
pub(crate) const SECTION_HEADER_BYTES: usize = 24;

/// A part of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Section<B> {
    pub(crate) tag: [u8; 4],
    pub(crate) body: B,
}

pub(crate) fn write_sections(kind: FileKind, sections: &[Section<Vec<u8>>]) -> Vec<u8> {
    let bodies: usize = sections.iter().map(|section| section.body.len()).sum();
    let headers = FILE_HEADER_BYTES + sections.len() * SECTION_HEADER_BYTES;
    let mut file = Vec::with_capacity(headers + bodies);
    file.extend_from_slice(kind.magic);
    file.extend_from_slice(&kind.version.to_le_bytes());
    file.extend_from_slice(&[0; 2]);
    let count = u32::try_from(sections.len()).expect("fewer than 2^32 sections");
    file.extend_from_slice(&count.to_le_bytes());
    seal(&mut file, 0);
    for section in sections {
        let begin = file.len();
        file.extend_from_slice(&section.tag);
        file.extend_from_slice(&[0; 4]);
        file.extend_from_slice(&(section.body.len() as u64).to_le_bytes());
        file.extend_from_slice(&crc32c::crc32c(&section.body).to_le_bytes());
        seal(&mut file, begin);
        file.extend_from_slice(&section.body);
    }
    assert_eq!(file.len(), headers + bodies, "headers have their sizes");
    file
}

/// The checksum of what was written since `begin`.
fn seal(file: &mut Vec<u8>, begin: usize) {
    let checksum = crc32c::crc32c(&file[begin..]);
    file.extend_from_slice(&checksum.to_le_bytes());
}

/// The sections of a file, with a reader for each body.
pub(crate) fn read_sections(
    kind: FileKind,
    bytes: &[u8],
) -> Result<Vec<Section<Reader<'_>>>, Fault> {
    let mut reader = Reader::new(bytes, 0);
    let magic = reader.clone().take(8, "the file header")?;
    if magic != kind.magic {
        return reader.fault(format_args!("the first bytes are not those of {}", kind.name));
    }
    check_seal(&mut reader.clone(), FILE_HEADER_BYTES, "the file header")?;
    reader.take(8, "the magic")?;
    let version = reader.u16("the version")?;
    if version != kind.version {
        let known = kind.version;
        return reader.fault(format_args!(
            "it has format version {version}, but this program reads version {known} only"
        ));
    }
    check_zeros(&mut reader, 2)?;
    let count = reader.u32("the number of sections")? as usize;
    reader.take(4, "the checksum")?;
    if count > reader.left() / SECTION_HEADER_BYTES {
        return reader.fault(format_args!("{count} sections don't fit into the file"));
    }
    let mut sections = Vec::with_capacity(count);
    for _ in 0..count {
        sections.push(read_section(&mut reader)?);
    }
    reader.end("the file")?;
    Ok(sections)
}

fn read_section<'a>(reader: &mut Reader<'a>) -> Result<Section<Reader<'a>>, Fault> {
    check_seal(&mut reader.clone(), SECTION_HEADER_BYTES, "a section header")?;
    let tag: [u8; 4] = reader.take(4, "the tag")?.try_into().expect("four were taken");
    check_zeros(reader, 4)?;
    let len = reader.u64("the length of a section")?;
    let checksum = reader.u32("the checksum of a section")?;
    reader.take(4, "the checksum")?;
    let Ok(len) = usize::try_from(len) else {
        return reader.fault(format_args!("a section of {len} bytes does not fit into the file"));
    };
    let origin = reader.offset();
    let body = reader.take(len, "a section")?;
    if crc32c::crc32c(body) != checksum {
        let tag = String::from_utf8_lossy(&tag).into_owned();
        let what = format!("the {len} bytes of section {tag} don't have their checksum");
        return Err(Fault { offset: origin, what });
    }
    Ok(Section { tag, body: Reader::new(body, origin) })
}

fn check_seal(reader: &mut Reader<'_>, len: usize, what: &str) -> Result<(), Fault> {
    let begin = reader.offset();
    let sealed = reader.take(len - 4, what)?;
    if crc32c::crc32c(sealed) == reader.u32(what)? {
        return Ok(());
    }
    Err(Fault { offset: begin, what: format!("{what} doesn't have its checksum") })
}

fn check_zeros(reader: &mut Reader<'_>, len: usize) -> Result<(), Fault> {
    let begin = reader.clone();
    if reader.take(len, "a reserved field")?.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    begin.fault("a reserved field is not zero: the file is of a newer version")
}
