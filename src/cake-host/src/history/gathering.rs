//! What a point of a coarser span is made of.

use cake_types::Span;

use super::layout::Fold;

/// The rows of one point, gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathering {
    pub point: Option<i64>,
    columns: Vec<Gathered>,
}

/// One measure.
#[derive(Clone, Copy, Debug)]
struct Gathered {
    sum: f64,
    /// Points of the hour that it is known at.
    count: f64,
    least: f32,
    most: f32,
}

const NOTHING: Gathered = Gathered { sum: 0.0, count: 0.0, least: f32::NAN, most: f32::NAN };

impl Gathered {
    fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count += other.count;
        // A number wins over none.
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }

    fn fold(&self, fold: Fold, span: Span) -> f32 {
        match fold {
            _ if self.count <= 0.0 => f32::NAN,
            Fold::Mean => (self.sum / self.count) as f32,
            Fold::Least => self.least,
            Fold::Most => self.most,
            // A clock that was set back has some points twice.
            Fold::Known => (self.count / whole(span)).min(1.0) as f32,
        }
    }
}

/// Points of the hour in one of `span`.
fn whole(span: Span) -> f64 {
    f64::from(span.step() / Span::Hour.step())
}

impl Gathering {
    pub fn at(point: Option<i64>) -> Self {
        Self { point, columns: Vec::new() }
    }

    /// What a row of a span says that was written before.
    pub fn of_row(point: i64, row: &[f32], folds: &[Fold], span: Span) -> Self {
        let width = row.len() / folds.len().max(1);
        let of = |fold: Fold, at: usize| {
            let part = folds.iter().position(|other| *other == fold);
            part.map_or(f32::NAN, |part| row[part * width + at])
        };
        let column = |at| {
            let (mean, known) = (of(Fold::Mean, at), of(Fold::Known, at));
            if mean.is_nan() || known.is_nan() {
                return NOTHING;
            }
            let count = f64::from(known) * whole(span);
            Gathered { sum: f64::from(mean) * count, count, least: of(Fold::Least, at), most: of(Fold::Most, at) }
        };
        Self { point: Some(point), columns: (0..width).map(column).collect() }
    }

    /// Goes on to another point; gives what was gathered before if that is over.
    pub fn begin(&mut self, point: i64) -> Option<(i64, Self)> {
        if self.point == Some(point) {
            return None;
        }
        let over = std::mem::replace(self, Self::at(Some(point)));
        over.point.map(|before| (before, over))
    }

    /// A row of the hour.
    pub fn add(&mut self, row: &[f32]) {
        self.columns.resize(row.len().max(self.columns.len()), NOTHING);
        for (number, column) in row.iter().zip(&mut self.columns) {
            if !number.is_nan() {
                column.merge(&Gathered { sum: f64::from(*number), count: 1.0, least: *number, most: *number });
            }
        }
    }

    /// All that was gathered for a finer point.
    pub fn merge(&mut self, other: &Self) {
        self.columns.resize(other.columns.len().max(self.columns.len()), NOTHING);
        for (column, other) in self.columns.iter_mut().zip(&other.columns) {
            column.merge(other);
        }
    }

    /// As it is written: one after the other what is kept, each of all measures.
    pub fn row(&self, folds: &[Fold], span: Span) -> Vec<f32> {
        folds.iter().flat_map(|fold| self.columns.iter().map(|column| column.fold(*fold, span))).collect()
    }
}
