//! A file system in which nothing is safe until it is synced, and every state in which a power cut may leave it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use supcon::disk::Operation;

/// A file or folder: what is on the medium, and what is only in memory.
#[derive(Clone, Default)]
struct Node {
    written: Vec<u8>,
    synced: Vec<u8>,
    /// Children of a folder by name; `None` for a file.
    names: Option<BTreeMap<String, usize>>,
}

/// A change of a folder that no sync has made safe.
#[derive(Clone)]
struct Change {
    folder: usize,
    /// Name -> the node it stands for from then on, `None` if it is gone. A rename has two.
    edits: Vec<(String, Option<usize>)>,
}

/// A file system in which nothing is safe until it is synced. Node 0 is the root.
#[derive(Clone)]
pub(super) struct Model {
    nodes: Vec<Node>,
    /// Folders as they are in memory.
    memory: BTreeMap<usize, BTreeMap<String, usize>>,
    pending: Vec<Change>,
}

impl Model {
    pub(super) fn new() -> Self {
        let root = Node {
            names: Some(BTreeMap::new()),
            ..Node::default()
        };
        Self {
            nodes: vec![root],
            memory: BTreeMap::from([(0, BTreeMap::new())]),
            pending: Vec::new(),
        }
    }

    /// Node of the folder around `path`, and the last name.
    fn place(&self, path: &Path) -> (usize, String) {
        let mut names: Vec<String> = path
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        let last = names.pop().unwrap_or_default();
        (
            names.iter().fold(0, |at, name| self.memory[&at][name]),
            last,
        )
    }

    fn node(&self, path: &Path) -> usize {
        path.iter().fold(0, |at, name| {
            self.memory[&at][&name.to_string_lossy().into_owned()]
        })
    }

    fn change(&mut self, folder: usize, edits: Vec<(String, Option<usize>)>) {
        let names = self.memory.get_mut(&folder).expect("a folder");
        for (name, node) in &edits {
            match node {
                Some(node) => names.insert(name.clone(), *node),
                None => names.remove(name),
            };
        }
        self.pending.push(Change { folder, edits });
    }

    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::CreateFolder(path) | Operation::Create(path) => {
                let (folder, name) = self.place(path);
                let is_folder = matches!(operation, Operation::CreateFolder(_));
                let known = self.memory[&folder].get(&name).copied();
                if let (Some(node), false) = (known, is_folder) {
                    self.nodes[node].written.clear();
                    return;
                }
                let node = self.nodes.len();
                self.nodes.push(Node {
                    names: is_folder.then(BTreeMap::new),
                    ..Node::default()
                });
                if is_folder {
                    self.memory.insert(node, BTreeMap::new());
                }
                self.change(folder, vec![(name, Some(node))]);
            }
            Operation::Write(path, bytes) => {
                let node = self.node(path);
                self.nodes[node].written.extend_from_slice(bytes);
            }
            // A diary is no promise, nor is the name of a lease's holder.
            Operation::Append(..) | Operation::Overwrite(..) => {}
            Operation::SyncFile(path) => {
                let node = self.node(path);
                self.nodes[node].synced = self.nodes[node].written.clone();
            }
            Operation::SyncFolder(path) => {
                let folder = self.node(path);
                self.nodes[folder].names = self.memory.get(&folder).cloned();
                self.pending.retain(|change| change.folder != folder);
            }
            Operation::Rename(from, to) => {
                let ((folder, old), (other, new)) = (self.place(from), self.place(to));
                assert_eq!(folder, other, "a commit renames beside");
                let node = self.memory[&folder][&old];
                self.change(folder, vec![(old, None), (new, Some(node))]);
            }
            Operation::Exchange(a, b) => {
                let ((folder, a), (other, b)) = (self.place(a), self.place(b));
                assert_eq!(folder, other, "a commit exchanges beside");
                let [from_a, from_b] = [&a, &b].map(|name| self.memory[&folder][name]);
                self.change(folder, vec![(a, Some(from_b)), (b, Some(from_a))]);
            }
            Operation::RemoveFile(path) | Operation::RemoveFolder(path) => {
                let (folder, name) = self.place(path);
                if self.memory[&folder].contains_key(&name) {
                    self.change(folder, vec![(name, None)]);
                }
            }
        }
    }

    /// How many changes of names wait for a sync, and how many files with bytes.
    pub(super) fn waiting(&self) -> [usize; 2] {
        let unsynced = self.nodes.iter().filter(|node| node.written != node.synced);
        [self.pending.len(), unsynced.count()]
    }

    /// States that a power cut may leave: of up to `most` pending changes every set, and unsynced data missing, torn or whole.
    pub(super) fn states(&self, most: usize) -> Vec<(Self, Data)> {
        let mut states = Vec::new();
        let count = self.pending.len();
        assert!(count < 64, "{count} changes wait");
        let all = (1_u64 << count) - 1;
        let ones = (0..count).map(|at| 1_u64 << at);
        let chosen: Vec<u64> = if count <= most {
            (0..=all).collect()
        } else {
            // Only the sets that lack or hold very few: removals of what nobody looks at any more.
            let lacking = ones.clone().map(|one| all ^ one);
            [0, all].into_iter().chain(ones).chain(lacking).collect()
        };
        for chosen in chosen {
            let mut state = self.clone();
            for (number, change) in self.pending.iter().enumerate() {
                if chosen >> number & 1 == 1 {
                    let names = state.nodes[change.folder].names.as_mut();
                    let names = names.expect("a folder");
                    for (name, node) in &change.edits {
                        match node {
                            Some(node) => names.insert(name.clone(), *node),
                            None => names.remove(name),
                        };
                    }
                }
            }
            for data in [Data::Missing, Data::Torn, Data::Whole] {
                states.push((state.clone(), data));
            }
        }
        states
    }

    /// Files that a reader finds after the cut.
    pub(super) fn files(&self, data: Data) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        self.collect(0, &PathBuf::new(), data, &mut found);
        found
    }

    fn collect(
        &self,
        node: usize,
        path: &Path,
        data: Data,
        found: &mut BTreeMap<PathBuf, Vec<u8>>,
    ) {
        let here = &self.nodes[node];
        let Some(names) = &here.names else {
            let torn = (here.written.len() / 2).next_multiple_of(512);
            let bytes = match data {
                _ if here.written == here.synced => &here.written[..],
                Data::Missing => &here.synced[..],
                Data::Torn => &here.written[..torn.min(here.written.len())],
                Data::Whole => &here.written[..],
            };
            found.insert(path.to_owned(), bytes.to_vec());
            return;
        };
        for (name, child) in names {
            self.collect(*child, &path.join(name), data, found);
        }
    }
}

/// What became of data that was written and not synced.
#[derive(Clone, Copy, Debug)]
pub(super) enum Data {
    Missing,
    Torn,
    Whole,
}
