//! The figures of a bench, and how they are printed.

use std::time::Duration;

/// One measured thing.
pub struct Row {
    what: String,
    own: Samples,
    floor: Option<Samples>,
    goal: Goal,
    note: String,
    load: String,
}

/// What a row should reach.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At most so many times the floor.
    Times(f64),
    /// At least so many times the floor.
    AtLeast(f64),
    /// At most this.
    Most(f64),
    /// Both.
    TimesAndMost(f64, f64),
    /// Told only.
    None,
}

/// Figures of one unit.
#[derive(Clone, Debug)]
pub struct Samples {
    unit: &'static str,
    sorted: Vec<f64>,
}

impl Samples {
    pub fn times(times: &[Duration]) -> Self {
        Self::new("ms", times.iter().map(|time| time.as_secs_f64() * 1000.0))
    }

    pub fn new(unit: &'static str, figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self { unit, sorted }
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    fn quantile(&self, part: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let place = part * last as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        match (self.sorted.get(below), self.sorted.get(above)) {
            (Some(below), Some(above)) => below + (above - below) * place.fract(),
            _ => f64::NAN,
        }
    }

    fn text(&self) -> String {
        let least = self.sorted.first().copied().unwrap_or(f64::NAN);
        let digits = if self.median() < 10.0 {
            2
        } else if self.median() < 1000.0 {
            1
        } else {
            0
        };
        if self.sorted.len() < 2 {
            return format!("{:.digits$} {}", self.median(), self.unit);
        }
        format!("{:.digits$} [{least:.digits$}] {:.digits$} {}", self.median(), self.quantile(0.75), self.unit)
    }
}

pub struct Table {
    rounds: usize,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Table {
    pub fn new(rounds: usize) -> Self {
        Self { rounds, rows: Vec::new(), notes: Vec::new() }
    }

    pub fn row(
        &mut self,
        what: impl Into<String>,
        own: Samples,
        floor: Option<Samples>,
        goal: Goal,
        note: impl Into<String>,
    ) {
        let row = Row { what: what.into(), own, floor, goal, note: note.into(), load: load() };
        eprintln!("{}", row.text());
        self.rows.push(row);
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub fn print(&self, took: Duration) {
        println!(
            "\ncake {} bench: {} rounds, interleaved; median [min] p75; load is that of the last minute",
            env!("CARGO_PKG_VERSION"),
            self.rounds
        );
        for row in &self.rows {
            println!("{}", row.text());
        }
        for note in &self.notes {
            println!("  {note}");
        }
        println!("  {:.0} s in all", took.as_secs_f64());
    }
}

impl Row {
    fn text(&self) -> String {
        let floor = self.floor.as_ref().map_or_else(|| "–".into(), Samples::text);
        let (ratio, goal, met) = self.verdict();
        let note = if self.note.is_empty() { String::new() } else { format!("  ({})", self.note) };
        format!(
            "  {:<46} {:>27}   floor {:>27}   {ratio:>7}   goal {goal:<18} {met:<6} load {}{note}",
            self.what,
            self.own.text(),
            floor,
            self.load
        )
    }

    fn verdict(&self) -> (String, String, &'static str) {
        let ratio = self.floor.as_ref().map(|floor| self.own.median() / floor.median());
        let shown = ratio.map_or_else(|| "–".into(), |ratio| format!("{ratio:.2} ×"));
        let own = self.own.median();
        let (goal, met) = match self.goal {
            Goal::Times(most) => (format!("≤ {most:.2} ×"), ratio.map(|ratio| ratio <= most)),
            Goal::AtLeast(least) => (format!("≥ {least:.2} ×"), ratio.map(|ratio| ratio >= least)),
            Goal::Most(most) => (format!("≤ {most} {}", self.own.unit), Some(own <= most)),
            Goal::TimesAndMost(times, most) => (
                format!("≤ {times:.1} ×, ≤ {most} {}", self.own.unit),
                ratio.map(|ratio| ratio <= times && own <= most),
            ),
            Goal::None => ("–".into(), None),
        };
        (
            shown,
            goal,
            match met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            },
        )
    }
}

/// The load average of the last minute (proc_loadavg(5)).
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}
