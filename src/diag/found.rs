//! Problems while they are being found.

use super::{Code, Problem};
use std::collections::HashSet;

/// Problems that are kept of one spec, or of one call; those behind them are only counted.
const LIMIT: usize = 1000;
/// Problems, equal ones counted each time, after which nobody should go on looking.
const ENOUGH: usize = 10 * LIMIT;

/// A problem without its texts: its code, its message, and where it was written.
type Mark = (Code, String, String, usize, usize);

/// Problems as they are found: each once, up to a limit.
#[derive(Debug, Default)]
pub struct Found {
    kept: Vec<Problem>,
    marks: HashSet<Mark>,
    seen: usize,
    left_out: usize,
}

impl Found {
    /// Keeps a problem, unless the same was found before.
    pub fn push(&mut self, problem: Problem) {
        self.seen += 1;
        if self.kept.len() >= LIMIT && self.seen > ENOUGH {
            self.left_out += 1;
            return;
        }
        let (file, line, column) = match &problem.place {
            Some(place) => (place.file.clone(), place.line, place.column),
            None => (String::new(), 0, 0),
        };
        let message = problem.message.clone();
        if !self
            .marks
            .insert((problem.code, message, file, line, column))
        {
            return;
        }
        if self.kept.len() < LIMIT {
            self.kept.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    /// Begins another spec: what it has in common with those before is told again.
    pub fn begin_another(&mut self) {
        self.marks.clear();
    }

    /// Whether so much is wrong that looking further is a waste.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.seen > ENOUGH || self.kept.len() >= LIMIT
    }

    /// How often a problem was found so far, equal ones counted each time.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Problems that are kept so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The problems from this number on.
    #[must_use]
    pub fn since(&mut self, number: usize) -> &mut [Problem] {
        &mut self.kept[number..]
    }

    /// The problems, with one more that says how many were left out.
    #[must_use]
    pub fn finish(mut self) -> Vec<Problem> {
        if self.left_out > 0 {
            let message = format!("{} more problems are not shown", self.left_out);
            self.kept
                .push(Problem::new(Code::TooManyProblems, message).help("mend those below first"));
        }
        self.kept
    }
}

impl Extend<Problem> for Found {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        for problem in problems {
            self.push(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_problems_are_kept_once_and_those_behind_the_limit_counted() {
        let mut found = Found::default();
        for _ in 0..3 {
            found.extend((0..LIMIT + 5).map(|i| Problem::new(Code::Syntax, i.to_string())));
        }
        assert!(found.is_enough());
        let problems = found.finish();
        assert_eq!(problems.len(), LIMIT + 1);
        assert_eq!(problems[LIMIT].message, "5 more problems are not shown");
    }
}
