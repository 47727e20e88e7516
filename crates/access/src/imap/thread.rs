//! THREAD: found messages as conversations (RFC 5256 §3, §4).
//!
//! Threads are trees in one arena; nothing here recurses, because a conversation may be as deep as the mailbox is large.

use crate::imap::find;
use crate::imap::progress::Progress;
use crate::imap::search::number;
use crate::imap::session::{Done, Outcome, Session};
use crate::imap::sort::sent;
use imap::command::Numbers;
use imap::search::{Key, ThreadAlgorithm};
use mail::change::Place;
use mail::error::Error;
use mail::store::Mail;
use mail::view::View;
use message::sort::subject_key;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;

impl Session<'_> {
    /// THREAD.
    pub fn thread(&mut self, numbers: Numbers, algorithm: ThreadAlgorithm, key: &Key) -> Done {
        self.catch_up(numbers == Numbers::Uid)?;
        let Some(selected) = self.selected.as_ref() else { return Ok(Outcome::bad("select a mailbox first")) };
        let (place, view) = (selected.place.clone(), selected.view.clone());
        let (service, now, saved) = (self.service, self.service.clock.now(), self.saved.clone());
        let mail = &service.mail;
        let question = find::Question { key, now, saved: &saved };
        let mut progress = Progress::of(self);
        // Reading summaries takes a while; others go on meanwhile.
        let forest = tokio::task::block_in_place(|| {
            let found = find::search(mail, &place, &view, question, &mut |done, total| {
                progress.step(self, done, total);
            })?;
            threads(mail, &place, &view, algorithm, found)
        });
        Ok(match forest {
            Ok(forest) => {
                let wire = forest.to_wire(|index| number(&view, index, numbers));
                let line = format!("* THREAD {wire}");
                self.say(line.trim_end());
                self.say("\r\n");
                Outcome::ok("done")
            }
            Err(error) => self.failed(&error),
        })
    }
}

/// The threads of a mailbox: trees of messages.
#[derive(Debug, Default)]
pub(crate) struct Forest {
    nodes: Vec<Node>,
    roots: Vec<usize>,
}

#[derive(Debug, Default)]
struct Node {
    /// Into the items; `None` for a message that was referred to and is not here.
    item: Option<usize>,
    /// Into the view.
    index: Option<usize>,
    parent: Option<usize>,
    children: Vec<usize>,
}

/// What threading knows of a message.
#[derive(Debug)]
struct Item {
    index: usize,
    id: Option<String>,
    ancestors: Vec<String>,
    subject: String,
    is_reply_or_forward: bool,
    sent: u64,
}

/// The threads of `found`, which are indices in `view`.
///
/// # Errors
/// That the store could not be read.
pub(crate) fn threads(
    mail: &Mail,
    place: &Place,
    view: &View,
    algorithm: ThreadAlgorithm,
    mut found: Vec<usize>,
) -> Result<Forest, Error> {
    found.sort_unstable();
    let mut items = Vec::with_capacity(found.len());
    mail.summaries(place, view, &found, &mut |index, summary| {
        if let Some(row) = view.get(index) {
            items.push(Item {
                index,
                subject: subject_key(&summary.envelope),
                is_reply_or_forward: summary.base_subject.is_reply_or_forward,
                sent: sent(row, &summary),
                id: summary.message_id,
                ancestors: summary.ancestors,
            });
        }
        ControlFlow::Continue(())
    })?;
    Ok(match algorithm {
        ThreadAlgorithm::OrderedSubject => by_subject(&items),
        ThreadAlgorithm::References => by_references(&items),
    })
}

/// ORDEREDSUBJECT: all messages of one subject hang on the oldest of them (RFC 5256 §3).
fn by_subject(items: &[Item]) -> Forest {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|at| items.get(*at).map(|item| (item.sent, item.index)));
    let mut forest = Forest::default();
    let mut by_subject: HashMap<&str, usize> = HashMap::new();
    // By date, so that a thread's root comes first and threads stand in the order of their roots.
    for at in order {
        let Some(item) = items.get(at) else { continue };
        let node = forest.add(Some((at, item.index)));
        match by_subject.get(item.subject.as_str()) {
            Some(root) => forest.link(*root, node),
            None => {
                by_subject.insert(&item.subject, node);
                forest.roots.push(node);
            }
        }
    }
    forest
}

/// REFERENCES (RFC 5256 §3); the numbers in the comments are its steps.
fn by_references(items: &[Item]) -> Forest {
    let mut forest = Forest::default();
    forest.link_all(items);
    // (2)
    forest.roots = (0..forest.nodes.len()).filter(|node| forest.node(*node).parent.is_none()).collect();
    forest.prune();
    // (4)
    let mut roots = std::mem::take(&mut forest.roots);
    forest.sort_siblings(&mut roots, items);
    forest.roots = forest.join_subjects(roots, items);
    // (6)
    forest.sort_all(items);
    forest
}

/// Reading out of bounds is impossible, and if it were not it would read this.
static NOWHERE: Node = Node { item: None, index: None, parent: None, children: Vec::new() };

impl Forest {
    fn add(&mut self, message: Option<(usize, usize)>) -> usize {
        let (item, index) = message.unzip();
        self.nodes.push(Node { item, index, parent: None, children: Vec::new() });
        self.nodes.len() - 1
    }

    fn node(&self, at: usize) -> &Node {
        self.nodes.get(at).unwrap_or(&NOWHERE)
    }

    fn link(&mut self, parent: usize, child: usize) {
        if let Some(node) = self.nodes.get_mut(child) {
            node.parent = Some(parent);
        }
        if let Some(node) = self.nodes.get_mut(parent) {
            node.children.push(child);
        }
    }

    fn unlink(&mut self, child: usize) {
        let Some(parent) = self.nodes.get_mut(child).and_then(|node| node.parent.take()) else { return };
        if let Some(node) = self.nodes.get_mut(parent) {
            node.children.retain(|other| *other != child);
        }
    }

    /// Whether making `child` a child of `parent` would make a circle.
    fn would_circle(&self, parent: usize, child: usize) -> bool {
        if parent == child {
            return true;
        }
        // Who has no children is nobody's ancestor.
        if self.node(child).children.is_empty() {
            return false;
        }
        std::iter::successors(Some(parent), |at| self.node(*at).parent).any(|at| at == child)
    }

    /// (1): every message and every id that one refers to gets a node; ancestors are linked in their order.
    fn link_all(&mut self, items: &[Item]) {
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        let mut own = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let node = self.add(Some((at, item.index)));
            own.push(node);
            // Of several with one id the first has it, the others have none.
            if let Some(id) = &item.id {
                by_id.entry(id).or_insert(node);
            }
        }
        for (item, own) in items.iter().zip(own) {
            let mut parent: Option<usize> = None;
            for id in &item.ancestors {
                let node = match by_id.get(id.as_str()) {
                    Some(node) => *node,
                    None => {
                        let node = self.add(None);
                        by_id.insert(id, node);
                        node
                    }
                };
                // (1.A): links that are there stay.
                if let Some(parent) = parent
                    && self.node(node).parent.is_none()
                    && !self.would_circle(parent, node)
                {
                    self.link(parent, node);
                }
                parent = Some(node);
            }
            // (1.B): what the message says itself counts more than what others say.
            self.unlink(own);
            if let Some(parent) = parent
                && !self.would_circle(parent, own)
            {
                self.link(parent, own);
            }
        }
    }

    /// (3): messages that are not here go, their children move up; at the top only if there is one.
    fn prune(&mut self) {
        for at in self.bottom_up() {
            let node = self.node(at);
            let (is_here, parent, count) = (node.item.is_some(), node.parent, node.children.len());
            if is_here || parent.is_none() && count > 1 {
                continue;
            }
            let children = self.nodes.get_mut(at).map(|node| std::mem::take(&mut node.children)).unwrap_or_default();
            for child in &children {
                if let Some(node) = self.nodes.get_mut(*child) {
                    node.parent = parent;
                }
            }
            let siblings = match parent {
                None => Some(&mut self.roots),
                Some(parent) => self.nodes.get_mut(parent).map(|node| &mut node.children),
            };
            // At the top there are as many as threads: its place is taken, none are searched.
            if let Some(siblings) = siblings {
                if parent.is_none() {
                    siblings.extend(children);
                } else if let Some(place) = siblings.iter().position(|other| *other == at) {
                    siblings.splice(place..=place, children);
                }
            }
        }
        let nodes = &self.nodes;
        let is_left = |at: &usize| nodes.get(*at).is_some_and(|node| node.item.is_some() || !node.children.is_empty());
        self.roots.retain(is_left);
    }

    /// All nodes, children before their parents.
    fn bottom_up(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut waiting = self.roots.clone();
        while let Some(at) = waiting.pop() {
            order.push(at);
            waiting.extend(&self.node(at).children);
        }
        order.reverse();
        order
    }

    /// The message that stands for a node: its own, or that of its first child.
    fn face<'i>(&self, at: usize, items: &'i [Item]) -> Option<&'i Item> {
        let node = self.node(at);
        let own = node.item.or_else(|| node.children.first().and_then(|child| self.node(*child).item));
        own.and_then(|item| items.get(item))
    }

    fn sort_siblings(&self, siblings: &mut [usize], items: &[Item]) {
        siblings.sort_by_cached_key(|at| self.face(*at, items).map(|item| (item.sent, item.index)));
    }

    /// (4) and (6): siblings by date, the lowest first, because a missing message is dated by its first child.
    fn sort_all(&mut self, items: &[Item]) {
        for at in self.bottom_up() {
            if self.node(at).children.len() > 1 {
                let mut children =
                    self.nodes.get_mut(at).map(|node| std::mem::take(&mut node.children)).unwrap_or_default();
                self.sort_siblings(&mut children, items);
                if let Some(node) = self.nodes.get_mut(at) {
                    node.children = children;
                }
            }
        }
        let mut roots = std::mem::take(&mut self.roots);
        self.sort_siblings(&mut roots, items);
        self.roots = roots;
    }

    /// (5): threads of one base subject become one.
    fn join_subjects(&mut self, roots: Vec<usize>, items: &[Item]) -> Vec<usize> {
        let table = self.subject_table(&roots, items);
        let mut standing = Vec::with_capacity(roots.len());
        let mut replaced: HashMap<usize, usize> = HashMap::new();
        let mut gone = HashSet::new();
        for at in roots {
            let subject = self.face(at, items).map(|item| item.subject.as_str()).unwrap_or_default();
            let Some(first) = table.get(subject).copied().filter(|first| !subject.is_empty() && *first != at) else {
                standing.push(at);
                continue;
            };
            // A dummy made below stands where the table's node stood.
            let first = replaced.get(&first).copied().unwrap_or(first);
            let is_reply = |item: Option<usize>| {
                item.and_then(|item| items.get(item)).is_some_and(|item| item.is_reply_or_forward)
            };
            let (ours, theirs) = (self.node(at).item, self.node(first).item);
            if theirs.is_none() && ours.is_none() {
                let children =
                    self.nodes.get_mut(at).map(|node| std::mem::take(&mut node.children)).unwrap_or_default();
                for child in children {
                    self.link(first, child);
                }
            } else if theirs.is_none() || is_reply(ours) && !is_reply(theirs) {
                self.link(first, at);
            } else {
                let dummy = self.add(None);
                self.link(dummy, first);
                self.link(dummy, at);
                replaced.insert(first, dummy);
                gone.insert(first);
                standing.push(dummy);
            }
        }
        standing.retain(|at| !gone.contains(at));
        standing
    }

    /// (5.B): for each subject the thread that the others join: a dummy if there is one, else one that is no reply.
    fn subject_table<'i>(&self, roots: &[usize], items: &'i [Item]) -> HashMap<&'i str, usize> {
        let mut table: HashMap<&str, usize> = HashMap::new();
        for at in roots {
            let Some(face) = self.face(*at, items) else { continue };
            if face.subject.is_empty() {
                continue;
            }
            let is_better = table.get(face.subject.as_str()).is_none_or(|held| {
                let held_is_here = self.node(*held).item.is_some();
                let held_is_reply = self.face(*held, items).is_some_and(|item| item.is_reply_or_forward);
                let is_here = self.node(*at).item.is_some();
                held_is_here && !is_here || held_is_here && held_is_reply && !face.is_reply_or_forward
            });
            if is_better {
                table.insert(&face.subject, *at);
            }
        }
        table
    }

    /// The threads as the THREAD response has them, `(2)(3 6 (4 23)(44 7 96))`; `number` tells what an index in the view
    /// is called.
    pub(crate) fn to_wire(&self, number: impl Fn(usize) -> u32) -> String {
        enum Word {
            Node(usize),
            Text(&'static str),
        }
        let mut out = String::new();
        let mut words: Vec<Word> =
            self.roots.iter().rev().flat_map(|at| [Word::Text(")"), Word::Node(*at), Word::Text("(")]).collect();
        while let Some(word) = words.pop() {
            let at = match word {
                Word::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Word::Node(at) => at,
            };
            let node = self.node(at);
            if let Some(index) = node.index {
                let _infallible = write!(out, "{}", number(index));
            }
            match node.children.as_slice() {
                [] => continue,
                [only] => words.push(Word::Node(*only)),
                several => {
                    let nested = several.iter().rev();
                    words.extend(nested.flat_map(|at| [Word::Text(")"), Word::Node(*at), Word::Text("(")]));
                }
            }
            if node.index.is_some() {
                out.push(' ');
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
