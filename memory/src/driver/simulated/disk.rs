//! One simulated disk: its names, and which changes of them would survive a crash.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::inode::{Inode, Lock, SimulatedLock};
use super::random::Random;
use crate::driver::{EntryKind, OpenOptions};

/// Unsynced changes of names kept; older ones reach the disk by themselves, as in any system.
const JOURNAL_MAX: usize = 4096;

/// What an open handle has of a file.
#[derive(Debug)]
pub(crate) struct OpenedNode {
    content: Content,
    #[expect(dead_code, reason = "tells the disk that the file is open")]
    handle: Arc<()>,
}

/// The content of a file, shared by its names and its open handles.
type Content = Arc<Mutex<Inode>>;

impl OpenedNode {
    pub(super) fn inode(&self) -> MutexGuard<'_, Inode> {
        lock(&self.content)
    }
}

fn lock(content: &Content) -> MutexGuard<'_, Inode> {
    content.lock().expect("nothing panics under this lock")
}

#[derive(Clone, Debug)]
enum Node {
    Directory(Arc<Folder>),
    File(Content),
}

#[derive(Debug)]
struct Folder {
    number: u64,
    lock: Mutex<Lock>,
}

impl Node {
    fn directory(number: u64) -> Node {
        Node::Directory(Arc::new(Folder { number, lock: Mutex::default() }))
    }
}

#[derive(Clone, Debug)]
enum Change {
    Put(PathBuf, Node),
    Remove(PathBuf),
    Rename { from: PathBuf, to: PathBuf },
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Debug)]
pub(super) struct Disk {
    names: Names,
    /// The names on the disk; `names` is this with all of `journal` applied.
    durable: Names,
    journal: Vec<Change>,
    /// The content of each open handle, and whether the handle is open still.
    opened: Vec<(Weak<()>, Content)>,
    capacity: Option<u64>,
    /// Files and folders made so far; numbers the next one.
    made: u64,
}

impl Disk {
    pub(super) fn empty() -> Disk {
        let root = Names::from([(PathBuf::from("/"), Node::directory(0))]);
        Disk {
            names: root.clone(),
            durable: root,
            journal: Vec::new(),
            opened: Vec::new(),
            capacity: None,
            made: 0,
        }
    }

    pub(super) fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity = bytes;
    }

    /// Bytes of all files that have a name or are open.
    pub(super) fn used(&mut self) -> u64 {
        self.opened.retain(|(handle, _)| handle.strong_count() > 0);
        let named = self.names.values().filter_map(|node| match node {
            Node::File(content) => Some(content),
            Node::Directory(_) => None,
        });
        let open = self.opened.iter().map(|(_, content)| content);
        let contents: BTreeMap<_, _> =
            named.chain(open).map(|content| (Arc::as_ptr(content), content)).collect();
        contents.values().map(|content| lock(content).len()).sum()
    }

    /// How many of `more` further bytes fit.
    pub(super) fn room_for(&mut self, more: u64) -> u64 {
        match self.capacity {
            None => more,
            Some(capacity) => capacity.saturating_sub(self.used()).min(more),
        }
    }

    pub(super) fn open(&mut self, path: &Path, options: OpenOptions) -> io::Result<OpenedNode> {
        let path = absolute(path);
        match self.names.get(&path) {
            Some(Node::Directory(_)) => Err(io::Error::from_raw_os_error(libc::EISDIR)),
            Some(Node::File(_)) if options.create_new => {
                Err(io::Error::from_raw_os_error(libc::EEXIST))
            }
            Some(Node::File(content)) => {
                let content = content.clone();
                if options.truncate {
                    lock(&content).set_len(0);
                }
                Ok(self.handle(content))
            }
            None if options.create || options.create_new => {
                self.check_parent(&path)?;
                let content = Arc::new(Mutex::new(Inode::new(self.next_number())));
                self.change(Change::Put(path, Node::File(content.clone())));
                Ok(self.handle(content))
            }
            None => Err(io::Error::from_raw_os_error(libc::ENOENT)),
        }
    }

    fn next_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn handle(&mut self, content: Content) -> OpenedNode {
        self.opened.retain(|(handle, _)| handle.strong_count() > 0);
        let handle = Arc::new(());
        self.opened.push((Arc::downgrade(&handle), content.clone()));
        OpenedNode { content, handle }
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let path = absolute(path);
        let mut above: Vec<_> = path.ancestors().collect();
        above.reverse();
        for folder in above {
            match self.names.get(folder) {
                Some(Node::Directory(_)) => {}
                Some(Node::File(_)) => return Err(io::Error::from_raw_os_error(libc::ENOTDIR)),
                None => {
                    let made = Node::directory(self.next_number());
                    self.change(Change::Put(folder.to_owned(), made));
                }
            }
        }
        Ok(())
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        let path = absolute(path);
        if self.names.contains_key(&path) {
            return Err(io::Error::from_raw_os_error(libc::EEXIST));
        }
        self.check_parent(&path)?;
        let made = Node::directory(self.next_number());
        self.change(Change::Put(path, made));
        Ok(())
    }

    /// Kind, length and number of what a path names.
    pub(super) fn metadata(&self, path: &Path) -> io::Result<(EntryKind, u64, u64)> {
        match self.node(&absolute(path))? {
            Node::Directory(folder) => Ok((EntryKind::Directory, 0, folder.number)),
            Node::File(content) => {
                let content = lock(content);
                Ok((EntryKind::File, content.len(), content.number()))
            }
        }
    }

    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let folder = absolute(path);
        self.check_directory(&folder)?;
        let inside = self.names.keys().filter(|name| name.parent() == Some(&folder));
        Ok(inside.cloned().collect())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (absolute(from), absolute(to));
        let moved = self.node(&from)?.clone();
        self.check_parent(&to)?;
        match (&moved, self.names.get(&to)) {
            (Node::File(_), Some(Node::Directory(_))) => {
                return Err(io::Error::from_raw_os_error(libc::EISDIR));
            }
            (Node::Directory(_), Some(_)) => {
                return Err(io::Error::from_raw_os_error(libc::ENOTEMPTY));
            }
            _ => {}
        }
        self.change(Change::Rename { from, to });
        Ok(())
    }

    pub(super) fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let path = absolute(path);
        match self.node(&path)? {
            Node::Directory(_) => Err(io::Error::from_raw_os_error(libc::EISDIR)),
            Node::File(_) => {
                self.change(Change::Remove(path));
                Ok(())
            }
        }
    }

    pub(super) fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        if !self.list(path)?.is_empty() {
            return Err(io::Error::from_raw_os_error(libc::ENOTEMPTY));
        }
        self.change(Change::Remove(absolute(path)));
        Ok(())
    }

    /// Takes the lock of a file or folder; none while another holds it.
    pub(super) fn lock(&mut self, path: &Path) -> io::Result<Option<SimulatedLock>> {
        match self.node(&absolute(path))? {
            Node::Directory(folder) => {
                Ok(folder.lock.lock().expect("nothing panics under this lock").try_take())
            }
            Node::File(content) => Ok(lock(content).lock().try_take()),
        }
    }

    /// The changes of names in this folder are on the disk from now on.
    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let folder = absolute(path);
        self.check_directory(&folder)?;
        let inside = |name: &Path| name.parent() == Some(&folder);
        let (synced, kept): (Vec<_>, Vec<_>) =
            self.journal.drain(..).partition(|change| match change {
                Change::Put(path, _) | Change::Remove(path) => inside(path),
                Change::Rename { from, to } => inside(from) || inside(to),
            });
        self.journal = kept;
        for change in synced {
            apply(&mut self.durable, change);
        }
        Ok(())
    }

    /// The machine lost power. A seeded part of what was not synced is gone.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let survive = random.below(self.journal.len() as u64 + 1) as usize;
        for change in self.journal.drain(..).take(survive) {
            apply(&mut self.durable, change);
        }
        // A name whose folder is not on the disk can't be found again.
        let durable = std::mem::take(&mut self.durable);
        for (path, node) in durable {
            let found = path.parent().is_none_or(|parent| self.durable.contains_key(parent));
            if found {
                let node = match node {
                    Node::Directory(folder) => Node::directory(folder.number),
                    Node::File(node) => Node::File(node),
                };
                self.durable.insert(path, node);
            }
        }
        self.names = self.durable.clone();
        for node in self.names.values() {
            if let Node::File(content) = node {
                lock(content).crash(random);
            }
        }
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.names, change.clone());
        self.journal.push(change);
        if self.journal.len() > JOURNAL_MAX {
            let oldest = self.journal.remove(0);
            apply(&mut self.durable, oldest);
        }
    }

    fn node(&self, path: &Path) -> io::Result<&Node> {
        self.names.get(path).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
    }

    fn check_directory(&self, path: &Path) -> io::Result<()> {
        match self.node(path)? {
            Node::Directory(_) => Ok(()),
            Node::File(_) => Err(io::Error::from_raw_os_error(libc::ENOTDIR)),
        }
    }

    fn check_parent(&self, path: &Path) -> io::Result<()> {
        let parent = path.parent().ok_or_else(|| io::Error::from_raw_os_error(libc::EEXIST))?;
        self.check_directory(parent)
    }
}

fn apply(names: &mut Names, change: Change) {
    match change {
        Change::Put(path, node) => {
            names.insert(path, node);
        }
        Change::Remove(path) => {
            names.remove(&path);
        }
        Change::Rename { from, to } => {
            // A folder takes along what is in it.
            let moved: Vec<_> =
                names.keys().filter(|name| name.starts_with(&from)).cloned().collect();
            for name in moved {
                let rest = name.strip_prefix(&from).expect("filtered by this prefix");
                let new = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
                let node = names.remove(&name).expect("listed a moment ago");
                names.insert(new, node);
            }
        }
    }
}

/// From the root, without dots.
fn absolute(path: &Path) -> PathBuf {
    let mut absolute = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => absolute.push(name),
            Component::ParentDir => {
                absolute.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    absolute
}
