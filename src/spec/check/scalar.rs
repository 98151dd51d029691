//! Single values: numbers by the type of their key, words, labels.

use super::Check;
use crate::diag::{Code, Problem};
use crate::spec::layers::quoted;
use crate::spec::schema::{Kind, LABEL, MAX_NAME, NameRule, PHASE_NAME, Range};
use figment::value::{Num, Value};

/// Up to here every whole number is an f64.
pub(crate) const EXACT: f64 = 9_007_199_254_740_992.0;

impl Check<'_> {
    pub(super) fn scalar(&mut self, path: &str, name: &str, value: &Value, kind: &'static Kind) {
        match kind {
            Kind::Float(range) => self.float(path, value, range),
            Kind::Whole(min, max) => self.whole(path, value, *min, *max),
            Kind::Choice(choices) => match value {
                Value::String(_, word) if choices.iter().any(|(known, _)| known == word) => {}
                Value::String(_, word) => {
                    let names = choices.iter().map(|(known, _)| *known).collect();
                    let message = format!("unknown value `{word}` of `{name}`");
                    self.unknown_name(path, message, word, value, names);
                }
                _ => {
                    let expected = quoted(choices.iter().map(|(known, _)| *known));
                    let one_of = if choices.len() > 1 { "one of " } else { "" };
                    self.push_wrong(path, value, &format!("{one_of}{expected}"));
                }
            },
            Kind::Label => match value {
                Value::String(_, word) => self.label(path, word, value),
                _ => self.text(path, value, "a name"),
            },
            Kind::Path => match value {
                Value::String(_, text) if text == "~" || text.starts_with("~/") => {
                    let message = format!("`{path}` begins with `~`, which only a shell knows");
                    let problem = Problem::new(Code::WrongType, message)
                        .at(self.merged.value_place(path, value))
                        .label("no folder is called so")
                        .help("write the home folder out, or a path relative to this file");
                    self.report(path, problem);
                }
                _ => self.text(path, value, "a path"),
            },
            _ => self.text(path, value, "text"),
        }
    }

    fn float(&mut self, path: &str, value: &Value, range: &Range) {
        let number = match value {
            Value::Num(_, number) => Some(as_float(*number)),
            Value::String(_, word) if self.is_plain(path, value) => overflowing(word),
            _ => None,
        };
        match number {
            Some(x) if !range.contains(x) => self.out_of_range(path, value, &range.to_string()),
            Some(x) if fits_f32(x) => {}
            Some(_) => {
                let allowed = format!("{range}, and within what f32 can hold (1.2e-38 to 3.4e38)");
                self.out_of_range(path, value, &allowed);
            }
            None => self.not_a_number(path, value, "a number"),
        }
    }

    fn whole(&mut self, path: &str, value: &Value, min: u64, max: u64) {
        let number = match value {
            Value::Num(_, number) => *number,
            Value::String(_, word) if self.is_plain(path, value) && overflowing(word).is_some() => {
                Num::F64(f64::INFINITY)
            }
            _ => return self.not_a_number(path, value, "a whole number"),
        };
        // `1e3` and `20.0` are whole; -0 is not a number of anything.
        let whole = match number {
            Num::F64(x)
                if x.fract() == 0.0 && (0.0..=EXACT).contains(&x) && !x.is_sign_negative() =>
            {
                Some(x as u128)
            }
            Num::F64(_) => None,
            number => number
                .to_u128()
                .or_else(|| number.to_i128()?.try_into().ok()),
        };
        let inside = whole.is_some_and(|x| x >= u128::from(min) && x <= u128::from(max));
        let fraction = matches!(number, Num::F64(x) if x.fract() != 0.0 && x.is_finite());
        if fraction {
            self.push_wrong(path, value, "a whole number");
        } else if !inside {
            let limit = if max == u64::MAX {
                format!("at least {min}")
            } else {
                format!("from {min} to {max}")
            };
            let digits = if matches!(number, Num::F64(x) if x > EXACT) {
                ", in digits"
            } else {
                ""
            };
            self.out_of_range(path, value, &format!("a whole number {limit}{digits}"));
        }
    }

    fn not_a_number(&mut self, path: &str, value: &Value, expected: &str) {
        let mut problem = self.wrong_type(path, value, expected);
        if let Value::String(_, word) = value {
            if word.trim().parse::<f64>().is_ok() && !self.is_plain(path, value) {
                problem = problem.help(format!("remove the quotes: `{word}`"));
            } else if word.contains('_') && word.replace('_', "").parse::<f64>().is_ok() {
                problem =
                    problem.help(format!("write it without `_`: `{}`", word.replace('_', "")));
            } else if word.starts_with('0') && word.parse::<u64>().is_ok() {
                let digits = word.trim_start_matches('0');
                problem = problem.help(format!("write it without leading zeros: `{digits:0>1}`"));
            } else if let Some(help) = other_notation(word, expected) {
                problem = problem.help(help);
            }
        }
        self.report(path, problem.or_help(format!("write {expected}")));
    }

    fn out_of_range(&mut self, path: &str, value: &Value, allowed: &str) {
        let problem = Problem::new(
            Code::OutOfRange,
            format!("`{path}` is out of range: found {}", describe(value)),
        );
        let problem = problem.at(self.merged.value_place(path, value));
        let problem = problem.label(format!("must be {allowed}"));
        self.report(
            path,
            problem.help(format!("write a number that is {allowed}")),
        );
    }

    fn text(&mut self, path: &str, value: &Value, expected: &str) {
        match value {
            Value::String(_, text) if !text.trim().is_empty() => {}
            Value::Num(..) | Value::Bool(..) => {
                let problem = self.wrong_type(path, value, expected);
                self.report(
                    path,
                    problem.help("put it in quotes if it is meant as text"),
                );
            }
            _ => self.push_wrong(path, value, expected),
        }
    }

    fn label(&mut self, path: &str, word: &str, value: &Value) {
        if !LABEL.accepts(word) {
            let problem = self.bad_name(path, word, value, &LABEL);
            self.report(path, problem);
        }
    }

    pub(super) fn phase_name(&mut self, path: &str, word: &str, value: &Value) {
        if !PHASE_NAME.accepts(word) {
            // What the phase holds can be judged all the same.
            let problem = self.bad_name(path, word, value, &PHASE_NAME);
            self.found.push(problem);
        }
    }

    fn bad_name(&self, path: &str, word: &str, value: &Value, rule: &NameRule) -> Problem {
        let shown: String = word.chars().take(MAX_NAME + 8).collect();
        let place = match value {
            Value::Dict(..) => self.merged.key_place(path, value),
            _ => self.merged.value_place(path, value),
        };
        let problem = Problem::new(Code::BadName, format!("`{shown}` cannot be a name"))
            .at(place)
            .label(format!("allowed: {}", rule.words))
            .note("names become part of folder names, chart labels and key paths");
        let help = match rule.nearest(word) {
            Some(fixed) => format!("write `{fixed}`"),
            None => "choose another name".into(),
        };
        problem.help(help)
    }

    pub(super) fn unknown_name(
        &mut self,
        path: &str,
        message: String,
        word: &str,
        value: &Value,
        names: Vec<&'static str>,
    ) {
        let listed = quoted(names.iter().copied());
        let problem = Problem::new(Code::UnknownName, message)
            .at(self.merged.value_place(path, value))
            .did_you_mean(word, names)
            .note(format!("valid: {listed}"));
        self.report(path, problem.or_help("write one of the valid names"));
    }

    pub(super) fn wrong_type(&self, path: &str, value: &Value, expected: &str) -> Problem {
        Problem::new(
            Code::WrongType,
            format!("`{path}` must be {expected}, found {}", describe(value)),
        )
        .at(self.merged.value_place(path, value))
        .label(format!("expected {expected}"))
    }

    fn push_wrong(&mut self, path: &str, value: &Value, expected: &str) {
        let problem = self.wrong_type(path, value, expected);
        self.report(path, problem.help(format!("write {expected}")));
    }

    fn is_plain(&self, path: &str, value: &Value) -> bool {
        !self.merged.sources[self.merged.layer(value)].is_quoted(path)
    }
}

/// What to do about a number as other countries or people write it: `0,05`, `10,000`, `5%`, `1/255`, `6 epochs`.
fn other_notation(word: &str, expected: &str) -> Option<String> {
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|x| x.is_finite());
    if let Some((number, unit)) = word.split_once(' ')
        && is_number(number)
        && unit.chars().all(char::is_alphabetic)
    {
        return Some(format!("write the number alone: `{number}`"));
    }
    if let Some((above, below)) = word.split_once('/') {
        let share = number(above)? / number(below)?;
        return share
            .is_finite()
            .then(|| format!("write the number that it is: `{share}`"));
    }
    let whole = expected.contains("whole");
    if let Some(percent) = word.strip_suffix('%').filter(|_| !whole) {
        let share = percent
            .trim_end()
            .parse::<f64>()
            .ok()
            .filter(|x| x.is_finite())?
            / 100.0;
        return Some(format!("write it as a fraction: `{share}`"));
    }
    let (first, last) = word.split_once(',')?;
    let without = word.replace(',', "");
    if !is_number(&without) {
        return None;
    }
    if last.contains(',') || whole {
        return Some(format!("write it without `,`: `{without}`"));
    }
    Some(format!(
        "write the fraction behind a point: `{first}.{last}`"
    ))
}

/// A value in a few words.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::String(_, text) if text.chars().count() > 40 => {
            format!(
                "the text `{}...`",
                text.chars().take(40).collect::<String>()
            )
        }
        Value::String(_, text) => format!("the text `{text}`"),
        Value::Char(_, c) => format!("the text `{c}`"),
        Value::Bool(_, x) => format!("`{x}`"),
        Value::Num(_, number) => format!("the number {}", self::number(*number)),
        Value::Empty(..) => "nothing".into(),
        Value::Dict(..) => "a mapping".into(),
        Value::Array(..) => "a list".into(),
    }
}

/// A number in digits.
pub(super) fn number(number: Num) -> String {
    let whole = number.to_i128();
    let whole = whole.or_else(|| number.to_u128().and_then(|x| x.try_into().ok()));
    whole.map_or_else(|| as_float(number).to_string(), |x| x.to_string())
}

/// A number as f64; whole numbers beyond 2^53 are rounded.
pub(crate) fn as_float(number: Num) -> f64 {
    let whole = |number: Num| {
        number
            .to_i128()
            .map(|x| x as f64)
            .or_else(|| number.to_u128().map(|x| x as f64))
    };
    number
        .to_f64()
        .or_else(|| whole(number))
        .unwrap_or(f64::NAN)
}

/// Whether a number is still itself, neither 0 nor infinite nor short of digits, where training computes in f32.
fn fits_f32(x: f64) -> bool {
    x == 0.0 || (x as f32).is_normal()
}

/// A number in digits too large for f64, which the YAML crate leaves as text.
fn overflowing(word: &str) -> Option<f64> {
    let digits = word
        .trim_start_matches(['+', '-'])
        .starts_with(|c: char| c.is_ascii_digit() || c == '.');
    word.parse::<f64>()
        .ok()
        .filter(|x| digits && x.is_infinite())
}
