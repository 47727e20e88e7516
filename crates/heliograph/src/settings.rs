//! The settings: one TOML file in which every key has a default, so that an empty one works.
//!
//! `key` says what may be written, `sections` hold the keys and make what the program runs on, `document` and `value`
//! check a file against them, `problem` tells what is wrong. `edit` changes a file and keeps its comments.

pub mod document;
pub mod edit;
pub mod explain;
pub mod key;
mod nearest;
pub mod problem;
pub mod sections;
pub mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::roles::Role;
use crate::settings::document::Values;
use crate::settings::key::Effect;
use crate::settings::problem::Problems;
use crate::settings::sections::{
    authentication, channel_names, channels, conversion, defragment, directory, disclaimers, dns, filters, greylist,
    imap, listeners, log, mail, meter, policy, pop3, queue, rules, server, sieve, smtp, sources, storage, tls,
};
use crate::settings::value::Value;

/// Everything that the program runs on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[server]`.
    pub server: server::Server,
    /// `[[listeners]]`.
    pub listeners: Vec<listeners::Listener>,
    /// `[smtp]`.
    pub smtp: smtp::Smtp,
    /// `[policy]`, `[[sources]]` and `[[rules]]`.
    pub policy: policy::Policy,
    /// `[authentication]`.
    pub authentication: mta::authentication::settings::Settings,
    /// `[queue]`.
    pub queue: queue::Queue,
    /// `[[filters]]`.
    pub filters: Vec<mta::filter::settings::Filter>,
    /// `[[disclaimers]]`, `[conversion]`, `[defragment]`.
    pub content: mta::content::settings::Settings,
    /// How long a fragment waits for others, if that is set.
    pub fragment_wait: Option<std::time::Duration>,
    /// `[greylist]`.
    pub greylist: greylist::Greylist,
    /// `[imap]`.
    pub imap: imap::Imap,
    /// `[pop3]`.
    pub pop3: pop3::Pop3,
    /// `[sieve]`.
    pub sieve: sieve::Sieve,
    /// `[mail]`.
    pub mail: ::mail::settings::Settings,
    /// `[meter]`.
    pub meter: meter::Meter,
    /// `[directory]`.
    pub directory: ::directory::settings::Settings,
    /// `[storage]`.
    pub storage: storage::Storage,
    /// `[tls]`.
    pub tls: tls::Tls,
    /// `[dns]`.
    pub dns: dns::Dns,
    /// `[log]`.
    pub log: log::Log,
    /// What the file says, by path, to see at a reload what changed.
    pub written: BTreeMap<String, Value>,
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// That it cannot be read, or all that is wrong with it.
    pub fn load(file: &Path) -> Result<Settings, Failure> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::failed(format!("cannot read the settings {}", file.display())).because(error))?;
        Ok(Settings::parse(file, &text)?)
    }

    /// The mapping file that a settings file names, whatever is wrong with the former.
    ///
    /// # Errors
    /// The settings file cannot be read, or is none.
    pub fn mapping_file(file: &Path) -> Result<Option<PathBuf>, Failure> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::failed(format!("cannot read the settings {}", file.display())).because(error))?;
        let values = document::read(&text, &folder_of(file)).map_err(|list| Problems::new(file, &text, list))?;
        Ok(values.path_if_set("policy.mappings"))
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(file: &Path, text: &str) -> Result<Settings, Problems> {
        let values = document::read(text, &folder_of(file)).map_err(|list| Problems::new(file, text, list))?;
        Settings::make(&values).map_err(|list| Problems::new(file, text, list))
    }

    /// Runs only these roles: the listeners of the others go.
    pub fn keep_roles(&mut self, roles: &[Role]) {
        self.server.roles = roles.to_vec();
        self.listeners.retain(|listener| listener.protocol.role().is_none_or(|role| roles.contains(&role)));
    }

    /// The keys whose values differ, without numbers: those that a reload applies and those that need a restart.
    pub fn changes(&self, newer: &Settings) -> Changes {
        let mut changes = Changes::default();
        for path in self.written.keys().chain(newer.written.keys()) {
            if self.written.get(path) == newer.written.get(path) {
                continue;
            }
            let effect = sections::find(&document::without_numbers(path)).map(|key| key.effect);
            let list = if effect == Some(Effect::Reload) { &mut changes.applied } else { &mut changes.need_restart };
            list.insert(path.clone());
        }
        changes
    }

    fn make(values: &Values) -> Result<Settings, Vec<problem::Problem>> {
        let mut problems = Vec::new();
        let (server, sieve) = (server::make(values), sieve::make(values));
        let smtp = smtp::make(values);
        let queue = queue::make(values, &mut problems);
        let rules = rules::make(values, &mut problems);
        let mut sources = sources::make(values, &mut problems);
        sources.extend(sources::of_detours(&queue.named.channels));
        let directory = directory::make(values, &mut problems);
        let listeners = listeners::make(values, &server.roles, &mut problems);
        let (mut defragment, fragment_wait) = defragment::make(values);
        defragment.channels.extend(queue.named.defragment.iter().copied());
        let mut fragment_octets = channels::fragment_octets(values);
        fragment_octets.extend(queue.named.fragment_octets.clone());
        let content = mta::content::settings::Settings {
            disclaimers: disclaimers::make(values, &mut problems),
            conversion: conversion::make(values, &server.data, &mut problems),
            defragment,
            fragment_octets,
        };
        let policy = policy::make(values, rules, sources, &mut problems);
        let (sources, mappings) = (&policy.sources[..], &*policy.mappings);
        let known = channel_names::Others { sources, mappings, destinations: &policy.manner.destinations };
        channel_names::check(values, &queue.named, &known, &mut problems);
        let others = meter::Others { smtp: &smtp, directory: &directory, listeners: &listeners, policy: &policy };
        let meter = meter::make(values, others, &mut problems);
        let settings = Settings {
            policy,
            meter,
            greylist: greylist::make(values, &listeners, &mut problems),
            listeners,
            smtp,
            authentication: authentication::make(values, server.host.as_str(), &mut problems),
            queue,
            filters: filters::make(values, &mut problems),
            content,
            fragment_wait,
            imap: imap::make(values),
            pop3: pop3::make(values),
            mail: mail::make(values, &sieve),
            directory,
            storage: storage::make(values, &mut problems),
            tls: tls::make(values, &mut problems),
            dns: dns::make(values),
            log: log::make(values),
            written: values.written(),
            server,
            sieve,
        };
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }
}

/// What differs between two readings of the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Took effect.
    pub applied: BTreeSet<String>,
    /// Will take effect at the next start.
    pub need_restart: BTreeSet<String>,
}

/// The folder of a file, complete, so that it stays the same wherever the program goes.
fn folder_of(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    absolute.parent().map(Path::to_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests;
