//! A small registry of counters, gauges and histograms, written as Prometheus text (exposition format 0.0.4).
//!
//! It is handed to whoever counts; there is no global one. Asking twice for the same name and labels gives the same
//! instrument. A name has a bounded number of series: what comes after is counted together under `overflow`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::limits;

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds to it.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Adds to it, or takes away.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often durations fell into which range.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug)]
struct Buckets {
    /// Upper bounds in seconds, rising.
    bounds: &'static [f64],
    /// One count for each bound and one for what is above.
    counts: Vec<AtomicU64>,
    sum_micros: AtomicU64,
}

/// Bounds, in seconds, that suit requests: from a millisecond to half a minute.
pub const REQUEST_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

impl Histogram {
    fn new(bounds: &'static [f64]) -> Histogram {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram(Arc::new(Buckets { bounds, counts, sum_micros: AtomicU64::new(0) }))
    }

    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let at = self.0.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.0.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.0.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.0.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// A gauge whose value is asked for when it is read.
type Asked = Arc<dyn Fn() -> f64 + Send + Sync>;

#[derive(Clone)]
enum Instrument {
    Counter(Counter),
    Gauge(Gauge),
    Asked(Asked),
    Histogram(Histogram),
}

impl Instrument {
    fn kind(&self) -> &'static str {
        match self {
            Instrument::Counter(_) => "counter",
            Instrument::Gauge(_) | Instrument::Asked(_) => "gauge",
            Instrument::Histogram(_) => "histogram",
        }
    }
}

struct Family {
    help: &'static str,
    /// By the labels as they are written.
    series: BTreeMap<String, Instrument>,
}

/// All instruments of the program. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry {
    families: Arc<Mutex<BTreeMap<&'static str, Family>>>,
}

/// Label names and values.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

impl Registry {
    /// An empty registry.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// The counter of this name and these labels. By convention the name ends in `_total`.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Counter {
        match self.instrument(name, help, labels, || Instrument::Counter(Counter::default())) {
            Instrument::Counter(counter) => counter,
            _ => Counter::default(),
        }
    }

    /// The gauge of this name and these labels.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Gauge {
        match self.instrument(name, help, labels, || Instrument::Gauge(Gauge::default())) {
            Instrument::Gauge(gauge) => gauge,
            _ => Gauge::default(),
        }
    }

    /// A gauge that is computed whenever it is read; the function must be quick.
    pub fn asked<F>(&self, name: &'static str, help: &'static str, labels: Labels<'_>, value: F)
    where
        F: Fn() -> f64 + Send + Sync + 'static,
    {
        self.instrument(name, help, labels, || Instrument::Asked(Arc::new(value)));
    }

    /// The histogram of this name and these labels, with upper bounds in seconds.
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        bounds: &'static [f64],
    ) -> Histogram {
        match self.instrument(name, help, labels, || Instrument::Histogram(Histogram::new(bounds))) {
            Instrument::Histogram(histogram) => histogram,
            _ => Histogram::new(bounds),
        }
    }

    fn instrument(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        make: impl FnOnce() -> Instrument,
    ) -> Instrument {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let family = families.entry(name).or_insert_with(|| Family { help, series: BTreeMap::new() });
        let mut written = write_labels(labels.iter().copied());
        if family.series.len() >= limits::METRIC_SERIES && !family.series.contains_key(&written) {
            written = write_labels(labels.iter().map(|(label, _)| (*label, "overflow")));
        }
        family.series.entry(written).or_insert_with(make).clone()
    }

    /// Everything as Prometheus reads it.
    pub fn render(&self) -> String {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (name, family) in families.iter() {
            let kind = family.series.values().next().map_or("untyped", Instrument::kind);
            // Writing to a String cannot fail.
            let _infallible = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n", family.help);
            for (labels, instrument) in &family.series {
                render_series(&mut text, name, labels, instrument);
            }
        }
        text
    }

    /// Every name with its help, for the documentation and its test.
    pub fn names(&self) -> Vec<(&'static str, &'static str)> {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        families.iter().map(|(name, family)| (*name, family.help)).collect()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registry").field(&self.names()).finish()
    }
}

fn write_labels<'a>(labels: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    let mut written = String::new();
    for (label, value) in labels {
        let separator = if written.is_empty() { "" } else { "," };
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _infallible = write!(written, "{separator}{label}=\"{value}\"");
    }
    written
}

fn render_series(text: &mut String, name: &str, labels: &str, instrument: &Instrument) {
    let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let _infallible = match instrument {
        Instrument::Counter(counter) => writeln!(text, "{name}{braced} {}", counter.value()),
        Instrument::Gauge(gauge) => writeln!(text, "{name}{braced} {}", gauge.value()),
        Instrument::Asked(value) => writeln!(text, "{name}{braced} {}", value()),
        Instrument::Histogram(histogram) => {
            render_histogram(text, name, labels, &braced, &histogram.0);
            Ok(())
        }
    };
}

fn render_histogram(text: &mut String, name: &str, labels: &str, braced: &str, buckets: &Buckets) {
    let separator = if labels.is_empty() { "" } else { "," };
    let bounds = buckets.bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    let mut count = 0;
    for (bound, own) in bounds.zip(&buckets.counts) {
        count += own.load(Ordering::Relaxed);
        let _infallible = writeln!(text, "{name}_bucket{{{labels}{separator}le=\"{bound}\"}} {count}");
    }
    let sum = Duration::from_micros(buckets.sum_micros.load(Ordering::Relaxed)).as_secs_f64();
    let _infallible = write!(text, "{name}_sum{braced} {sum}\n{name}_count{braced} {count}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_as_prometheus_reads_it() {
        let registry = Registry::new();
        registry.counter("mails_total", "Mails.", &[("to", "a\"b")]).add(2);
        registry.counter("mails_total", "Mails.", &[("to", "a\"b")]).add(1);
        registry.gauge("open", "Open.", &[]).add(-4);
        registry.asked("asked", "Asked.", &[], || 0.5);
        let histogram = registry.histogram("took_seconds", "Took.", &[("what", "x")], &[0.1, 1.0]);
        histogram.record(Duration::from_millis(100));
        histogram.record(Duration::from_millis(500));
        histogram.record(Duration::from_secs(2));
        let expected = "\
# HELP asked Asked.\n# TYPE asked gauge\nasked 0.5\n\
# HELP mails_total Mails.\n# TYPE mails_total counter\nmails_total{to=\"a\\\"b\"} 3\n\
# HELP open Open.\n# TYPE open gauge\nopen -4\n\
# HELP took_seconds Took.\n# TYPE took_seconds histogram\n\
took_seconds_bucket{what=\"x\",le=\"0.1\"} 1\ntook_seconds_bucket{what=\"x\",le=\"1\"} 2\n\
took_seconds_bucket{what=\"x\",le=\"+Inf\"} 3\ntook_seconds_sum{what=\"x\"} 2.6\ntook_seconds_count{what=\"x\"} 3\n";
        assert_eq!(registry.render(), expected);
    }

    #[test]
    fn series_are_bounded() {
        let registry = Registry::new();
        for number in 0..2000 {
            registry.counter("many_total", "Many.", &[("n", &number.to_string())]).add(1);
        }
        let text = registry.render();
        assert_eq!(text.lines().count(), 2 + limits::METRIC_SERIES + 1);
        assert!(text.contains("many_total{n=\"overflow\"} 1488\n"), "{text}");
    }
}
