//! Columns of integers, written as short as JSON allows without a second format: differences from the value before where values
//! grow, and lengths of runs where they repeat.

use serde::{Serialize, Serializer};

/// A column. As JSON: an array of its values, or `{"runs": [value, length, …]}` where that is shorter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Column(Vec<i64>);

impl Column {
    /// One more value.
    pub(crate) fn push(&mut self, value: i64) {
        self.0.push(value);
    }

    /// Each value as its difference from the one before.
    pub(crate) fn as_differences(&self) -> Self {
        let mut last = 0_i64;
        let difference = |&value: &i64| {
            let difference = value.wrapping_sub(last);
            last = value;
            difference
        };
        Self(self.0.iter().map(difference).collect())
    }

    fn runs(&self) -> Vec<i64> {
        self.0
            .chunk_by(|one, other| one == other)
            .filter_map(|run| Some([*run.first()?, length(run.len())]))
            .flatten()
            .collect()
    }
}

/// A length as a value.
pub(crate) fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

impl FromIterator<i64> for Column {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Runs {
            runs: Vec<i64>,
        }
        let runs = self.runs();
        if runs.len() < self.0.len() {
            Runs { runs }.serialize(serializer)
        } else {
            self.0.serialize(serializer)
        }
    }
}

/// For each of a number of rows a list: how many it has, and all of them one after the other.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Lists {
    counts: Column,
    values: Column,
}

impl Lists {
    /// The next row's list.
    pub(crate) fn push(&mut self, values: impl IntoIterator<Item = i64>) {
        let before = self.values.0.len();
        self.values.0.extend(values);
        self.counts.push(length(self.values.0.len() - before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(column: &Column) -> String {
        serde_json::to_string(column).unwrap()
    }

    #[test]
    fn a_column_is_written_in_the_shorter_way() {
        assert_eq!(json(&[1, 2, 3].into_iter().collect()), "[1,2,3]");
        assert_eq!(json(&[0; 500].into_iter().collect()), r#"{"runs":[0,500]}"#);
        assert_eq!(json(&[7, 7, 7, 7, 8].into_iter().collect()), r#"{"runs":[7,4,8,1]}"#);
        assert_eq!(json(&Column::default()), "[]");
    }

    #[test]
    fn differences_add_up_to_the_values() {
        let values: Column = [100, 101, 105, -4].into_iter().collect();
        assert_eq!(values.as_differences(), [100, 1, 4, -109].into_iter().collect());
        let extremes: Column = [i64::MAX, i64::MIN].into_iter().collect();
        assert_eq!(extremes.as_differences(), [i64::MAX, 1].into_iter().collect());
    }

    #[test]
    fn lists_keep_their_lengths() {
        let mut lists = Lists::default();
        lists.push([5, 6]);
        lists.push([]);
        lists.push([7]);
        assert_eq!(serde_json::to_string(&lists).unwrap(), r#"{"counts":[2,0,1],"values":[5,6,7]}"#);
    }
}
