//! The mail store on real partitions in folders of their own.

mod deliver;
mod ground;
mod growth;
mod mailboxes;
mod messages;
mod model;
mod scripts;
mod share;
mod together;
mod verify;
