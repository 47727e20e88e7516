//! The index in SQLite: one table used as an ordered map. The only file with SQL in it.
//!
//! WAL with `synchronous=NORMAL`: what a power cut takes, the log gives back, because the position row is in the same
//! transaction as the rows. The write-ahead log is copied back in the background (`tend`) and begun anew between two
//! batches, so that no commit waits for a whole checkpoint.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Statement, params};

use crate::error::Error;
use crate::index::{Change, Index, View};
use crate::key::KeyRange;
use crate::options::Options;
use crate::read::{Page, Scan};
use crate::rows::{POSITION, Position};

/// Nothing older may be used: 3.51.3 fixed a race that could lose committed frames.
const VERSION_MIN: i32 = 3_051_003;
/// "HELI": so that another program's database is not taken for ours.
const APPLICATION_ID: i32 = 0x4845_4c49;
const SCHEMA: i32 = 1;
/// From this length on (in checkpoint lengths), the writer waits a little for readers to let the log begin anew.
const PRESSING: u64 = 4;

const PUT: &str = "INSERT INTO kv(k, v) VALUES(?1, ?2) ON CONFLICT(k) DO UPDATE SET v = excluded.v";
const DELETE: &str = "DELETE FROM kv WHERE k = ?1";
const GET: &str = "SELECT v FROM kv WHERE k = ?1";

/// The engine.
pub struct SqliteIndex {
    path: PathBuf,
    wal: PathBuf,
    writer: Mutex<Connection>,
    tender: Mutex<Option<Connection>>,
    pool: Arc<Pool>,
    checkpoint_octets: u64,
    tend_at_octets: AtomicU64,
    wants_tending: AtomicBool,
    was_tended: AtomicBool,
}

/// Reading connections that are not in use.
struct Pool {
    idle: Mutex<Vec<Connection>>,
    idle_max: usize,
    cache_octets: u64,
}

impl SqliteIndex {
    /// Opens the index in the file `path`, or makes it. An engine error here means that it is damaged.
    pub fn open(path: &Path, options: &Options) -> Result<SqliteIndex, Error> {
        if rusqlite::version_number() < VERSION_MIN {
            return Err(index_error("opening", format!("SQLite {} is too old", rusqlite::version())));
        }
        if let Some(folder) = path.parent() {
            // The log may lie on a simulated disk; SQLite always needs a real one.
            std::fs::create_dir_all(folder).map_err(|source| Error::io("creating", folder, source))?;
        }
        let writer = Connection::open(path).map_err(|error| engine("opening", error))?;
        let index = SqliteIndex {
            path: path.to_path_buf(),
            wal: companion(path, "-wal"),
            writer: Mutex::new(writer),
            tender: Mutex::new(None),
            pool: Arc::new(Pool {
                idle: Mutex::new(Vec::new()),
                idle_max: options.readers,
                cache_octets: options.reader_cache_octets,
            }),
            checkpoint_octets: options.checkpoint_octets,
            tend_at_octets: AtomicU64::new(options.checkpoint_octets),
            wants_tending: AtomicBool::new(false),
            was_tended: AtomicBool::new(false),
        };
        index.prepare(options).map_err(|error| engine("opening", error))?;
        Ok(index)
    }

    fn prepare(&self, options: &Options) -> rusqlite::Result<()> {
        let writer = lock(&self.writer);
        writer.pragma_update(None, "page_size", 4096)?;
        settings(&writer, options.index_cache_octets)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "NORMAL")?;
        writer.pragma_update(None, "wal_autocheckpoint", 0)?;
        let application: i32 = writer.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let schema: i32 = writer.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match (application, schema) {
            (APPLICATION_ID, SCHEMA) => Ok(()),
            (0, 0) => writer.execute_batch(&format!(
                "BEGIN;
                 CREATE TABLE kv(k BLOB PRIMARY KEY NOT NULL, v BLOB NOT NULL) WITHOUT ROWID;
                 PRAGMA application_id = {APPLICATION_ID};
                 PRAGMA user_version = {SCHEMA};
                 COMMIT;"
            )),
            _ => Err(rusqlite::Error::InvalidQuery),
        }
    }

    fn reader(&self) -> Result<Connection, Error> {
        if let Some(connection) = lock(&self.pool.idle).pop() {
            return Ok(connection);
        }
        let connection = Connection::open(&self.path).map_err(|error| engine("opening", error))?;
        let set = || {
            settings(&connection, self.pool.cache_octets)?;
            connection.pragma_update(None, "query_only", true)
        };
        set().map_err(|error| engine("opening", error))?;
        Ok(connection)
    }

    /// Begins the write-ahead log anew if it was copied back and nobody reads in it just now.
    fn restart_log(&self, writer: &Connection) {
        if !self.was_tended.load(Ordering::Acquire) {
            return;
        }
        let pressing = self.wal_octets() > PRESSING * self.checkpoint_octets;
        let patience = Duration::from_millis(if pressing { 100 } else { 0 });
        let restart = || {
            writer.busy_timeout(patience)?;
            let busy: i64 = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
            writer.busy_timeout(BUSY)?;
            Ok::<bool, rusqlite::Error>(busy == 0)
        };
        match restart() {
            Ok(true) => {
                self.was_tended.store(false, Ordering::Release);
                self.tend_at_octets.store(self.checkpoint_octets, Ordering::Release);
            }
            // A reader is in it. Trying at every group would cost a synchronisation each: only after some growth.
            Ok(false) => {
                self.was_tended.store(false, Ordering::Release);
                self.tend_at_octets.store(self.wal_octets() + self.checkpoint_octets / 4, Ordering::Release);
            }
            // Nothing is lost by it: the log is only longer than it need be, and is tried again.
            Err(error) => tracing::warn!(%error, "the index could not begin its write-ahead log anew"),
        }
    }

    fn wal_octets(&self) -> u64 {
        std::fs::metadata(&self.wal).map_or(0, |metadata| metadata.len())
    }
}

const BUSY: Duration = Duration::from_secs(5);

impl Index for SqliteIndex {
    fn view(&self) -> Result<Box<dyn View>, Error> {
        let connection = Some(self.reader()?);
        let view = SqliteView { connection, pool: Arc::clone(&self.pool), is_pinned: Cell::new(false) };
        view.pin()?;
        Ok(Box::new(view))
    }

    fn latest(&self) -> Result<Box<dyn View>, Error> {
        let connection = Some(self.reader()?);
        Ok(Box::new(SqliteView { connection, pool: Arc::clone(&self.pool), is_pinned: Cell::new(false) }))
    }

    fn apply(&self, changes: &[Change], position: Option<Position>) -> Result<(), Error> {
        let mut writer = lock(&self.writer);
        self.restart_log(&writer);
        let mut apply = || {
            let transaction = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            {
                let mut put = transaction.prepare_cached(PUT)?;
                let mut delete = transaction.prepare_cached(DELETE)?;
                for (key, value) in changes {
                    match value {
                        Some(value) => put.execute(params![key.as_ref(), value.as_ref()])?,
                        None => delete.execute([key.as_ref()])?,
                    };
                }
                if let Some(position) = position {
                    put.execute(params![POSITION, position.encode()])?;
                }
            }
            transaction.commit()
        };
        apply().map_err(|error| engine("applying a group", error))?;
        if self.wal_octets() > self.tend_at_octets.load(Ordering::Acquire) {
            self.wants_tending.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn tend(&self) -> Result<(), Error> {
        let mut tender = lock(&self.tender);
        let connection = match tender.take() {
            Some(connection) => connection,
            None => {
                let connection = Connection::open(&self.path).map_err(|error| engine("opening", error))?;
                settings(&connection, 0).map_err(|error| engine("opening", error))?;
                connection
            }
        };
        self.wants_tending.store(false, Ordering::Release);
        let outcome = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        *tender = Some(connection);
        outcome.map_err(|error| engine("copying the write-ahead log back", error))?;
        self.was_tended.store(true, Ordering::Release);
        Ok(())
    }

    fn needs_tending(&self) -> bool {
        self.wants_tending.load(Ordering::Acquire)
    }

    fn settle(&self) -> Result<(), Error> {
        let writer = lock(&self.writer);
        let outcome = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        outcome.map_err(|error| engine("making the index durable", error))
    }

    fn check(&self) -> Result<Vec<String>, Error> {
        let connection = self.reader()?;
        let check = || {
            let mut statement = connection.prepare("PRAGMA quick_check(100)")?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            lines.collect::<rusqlite::Result<Vec<String>>>()
        };
        let mut lines = check().map_err(|error| engine("checking", error))?;
        lines.retain(|line| line != "ok");
        Ok(lines)
    }
}

struct SqliteView {
    connection: Option<Connection>,
    pool: Arc<Pool>,
    is_pinned: Cell<bool>,
}

impl SqliteView {
    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("taken only when the view is dropped")
    }

    fn rows(&self, range: &KeyRange, scan: Scan) -> rusqlite::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let limit = i64::try_from(scan.limit).unwrap_or(i64::MAX);
        let mut statement = self.connection().prepare_cached(scan_sql(scan, range.end.is_some()))?;
        let row = |row: &Row<'_>| -> rusqlite::Result<(Vec<u8>, Vec<u8>)> {
            let value = if scan.keys_only { Vec::new() } else { row.get(1)? };
            Ok((row.get(0)?, value))
        };
        let collect = |statement: &mut Statement<'_>| match &range.end {
            Some(end) => statement.query_map(params![range.start, limit, end], row)?.collect(),
            None => statement.query_map(params![range.start, limit], row)?.collect(),
        };
        collect(&mut statement)
    }
}

impl View for SqliteView {
    fn pin(&self) -> Result<(), Error> {
        let pin = || {
            self.connection().prepare_cached("BEGIN")?.execute([])?;
            self.is_pinned.set(true);
            // BEGIN alone pins nothing; the first read does.
            self.connection().prepare_cached(GET)?.query_row([POSITION], |_| Ok(())).optional()
        };
        if self.is_pinned.get() { Ok(()) } else { pin().map(drop).map_err(|error| engine("beginning to read", error)) }
    }

    fn unpin(&self) -> Result<(), Error> {
        if !self.is_pinned.replace(false) {
            return Ok(());
        }
        let unpin = || self.connection().prepare_cached("COMMIT")?.execute([]);
        unpin().map(drop).map_err(|error| engine("ending a read", error))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let get = || {
            let mut statement = self.connection().prepare_cached(GET)?;
            statement.query_row([key], |row| row.get(0)).optional()
        };
        get().map_err(|error| engine("reading a row", error))
    }

    fn scan(&self, range: &KeyRange, scan: Scan) -> Result<Page, Error> {
        let scan = scan.bounded();
        let rows = self.rows(range, scan).map_err(|error| engine("reading rows", error))?;
        let full = rows.len() == scan.limit;
        Ok(Page::new(rows, scan, full))
    }
}

impl Drop for SqliteView {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.is_pinned.get() && connection.execute_batch("COMMIT").is_err() {
            return;
        }
        let mut idle = lock(&self.pool.idle);
        if idle.len() < self.pool.idle_max {
            idle.push(connection);
        }
    }
}

fn scan_sql(scan: Scan, has_end: bool) -> &'static str {
    match (scan.keys_only, has_end, scan.reverse) {
        (false, false, false) => "SELECT k, v FROM kv WHERE k >= ?1 ORDER BY k LIMIT ?2",
        (false, false, true) => "SELECT k, v FROM kv WHERE k >= ?1 ORDER BY k DESC LIMIT ?2",
        (false, true, false) => "SELECT k, v FROM kv WHERE k >= ?1 AND k < ?3 ORDER BY k LIMIT ?2",
        (false, true, true) => "SELECT k, v FROM kv WHERE k >= ?1 AND k < ?3 ORDER BY k DESC LIMIT ?2",
        (true, false, false) => "SELECT k FROM kv WHERE k >= ?1 ORDER BY k LIMIT ?2",
        (true, false, true) => "SELECT k FROM kv WHERE k >= ?1 ORDER BY k DESC LIMIT ?2",
        (true, true, false) => "SELECT k FROM kv WHERE k >= ?1 AND k < ?3 ORDER BY k LIMIT ?2",
        (true, true, true) => "SELECT k FROM kv WHERE k >= ?1 AND k < ?3 ORDER BY k DESC LIMIT ?2",
    }
}

fn settings(connection: &Connection, cache_octets: u64) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(16);
    // Negative = KiB. Never 0, which would mean SQLite's own default.
    let kibibytes = i64::try_from(cache_octets / 1024).unwrap_or(i64::MAX).max(64);
    connection.pragma_update(None, "cache_size", -kibibytes)?;
    connection.pragma_update(None, "temp_store", "FILE")?;
    connection.pragma_update(None, "mmap_size", 0)
}

/// A file that SQLite keeps beside the database.
pub fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while it was held left a transaction that SQLite rolled back when it was dropped.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn index_error(operation: &'static str, message: String) -> Error {
    Error::Index { operation, message }
}

fn engine(operation: &'static str, error: rusqlite::Error) -> Error {
    if matches!(error, rusqlite::Error::InvalidQuery) {
        return Error::Corrupt { what: "the index", location: "it has another format".to_owned() };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::NoSpace { operation },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::Corrupt { what: "the index", location: error.to_string() }
        }
        _ => index_error(operation, error.to_string()),
    }
}

/// Gives the index's files other names, so that an empty one can be begun and nothing is thrown away. What had been put
/// aside before is replaced.
pub fn set_aside(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let from = companion(path, suffix);
        let to = companion(path, &format!(".old{suffix}"));
        match std::fs::rename(&from, &to) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("renaming", &from, source));
            }
            _ => {}
        }
    }
    Ok(())
}
