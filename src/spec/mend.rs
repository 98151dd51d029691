//! Merged values as serde takes them. Values that are wrong or missing are replaced by some valid ones, so that what
//! conflicts between the others can be found in the same pass.

use super::check::{EXACT, is_empty};
use super::index::{is_within, join};
use super::schema::{self, Key, Kind, Need, Part, Range, Section};
use figment::value::{Dict, Num, Value};
use serde_json::{Map, json};
use std::collections::BTreeSet;

/// A spec with something valid at each of the `wrong` paths, to which those are added that only hold because of it.
pub(super) fn mended(root: &Dict, wrong: &mut BTreeSet<String>) -> serde_json::Value {
    let mut mend = Mend { wrong };
    mend.keys("", Some(root), schema::SPEC.keys).into()
}

struct Mend<'a> {
    wrong: &'a mut BTreeSet<String>,
}

impl Mend<'_> {
    fn keys(
        &mut self,
        path: &str,
        dict: Option<&Dict>,
        keys: &'static [Key],
    ) -> Map<String, serde_json::Value> {
        let mut fields = Map::new();
        for key in keys {
            let inner = join(path, key.name);
            let written = dict.and_then(|dict| dict.get(key.name));
            let written = written.filter(|value| !is_empty(value));
            let sound = written.filter(|_| !self.wrong.contains(&inner));
            let value = match (sound, key.need) {
                (Some(value), _) => self.value(&inner, value, &key.kind),
                (None, Need::Required) => {
                    self.wrong.insert(inner);
                    something(&key.kind)
                }
                (None, _) => None,
            };
            fields.extend(value.map(|value| (key.name.to_owned(), value)));
        }
        fields
    }

    /// A value, mended inside; something else if it is not even of its kind.
    fn value(
        &mut self,
        path: &str,
        value: &Value,
        kind: &'static Kind,
    ) -> Option<serde_json::Value> {
        if self.wrong.contains(path) {
            return something(kind);
        }
        let mended = match (kind, value) {
            (Kind::Map(section), Value::Dict(_, dict)) => {
                Some(self.keys(path, Some(dict), section.keys).into())
            }
            (Kind::Part(part), Value::Dict(_, dict)) => self.part(path, dict, part),
            (Kind::Named(section), Value::Dict(_, dict)) => {
                Some(self.named(path, dict, section).into())
            }
            (Kind::Step(steps), Value::Dict(_, dict)) => self.step(path, dict, steps),
            (Kind::List(item, _) | Kind::Set(item, _), Value::Array(_, items)) => {
                let each = items.iter().enumerate();
                let each = each
                    .filter_map(|(i, value)| self.value(&join(path, &i.to_string()), value, item));
                Some(each.collect())
            }
            (
                Kind::Map(_)
                | Kind::Part(_)
                | Kind::Named(_)
                | Kind::Step(_)
                | Kind::List(..)
                | Kind::Set(..),
                _,
            ) => None,
            _ => Some(plain(value)),
        };
        mended.or_else(|| {
            self.wrong.insert(path.to_owned());
            something(kind)
        })
    }

    fn part(&mut self, path: &str, dict: &Dict, part: &'static Part) -> Option<serde_json::Value> {
        let tag = join(path, part.tag);
        if self.wrong.contains(&tag) {
            return None;
        }
        let name = dict.get(part.tag).and_then(Value::as_str)?;
        let mut fields = self.keys(path, Some(dict), part.variant(name)?.keys);
        fields.insert(part.tag.to_owned(), name.into());
        Some(fields.into())
    }

    fn named(
        &mut self,
        path: &str,
        dict: &Dict,
        section: &'static Section,
    ) -> Map<String, serde_json::Value> {
        let mut fields = Map::new();
        for (name, value) in dict.iter().filter(|(_, value)| !is_empty(value)) {
            let inner = join(path, name);
            let dict = match value {
                Value::Dict(_, dict) => Some(dict),
                _ => None,
            };
            fields.insert(name.clone(), self.keys(&inner, dict, section.keys).into());
        }
        fields
    }

    fn step(
        &mut self,
        path: &str,
        dict: &Dict,
        steps: &'static [Key],
    ) -> Option<serde_json::Value> {
        let behind = self.wrong.range(path.to_owned()..);
        let mut near = behind.take_while(|wrong| wrong.starts_with(path));
        if near.any(|wrong| is_within(wrong, path)) {
            return None;
        }
        let (name, value) = dict.iter().next()?;
        steps.iter().find(|step| step.name == name)?;
        Some(json!({ name: plain(value) }))
    }
}

/// Any valid value of a kind; `None` where a key may be left out as well.
fn something(kind: &'static Kind) -> Option<serde_json::Value> {
    let fields = |keys: &'static [Key]| -> Map<String, serde_json::Value> {
        let required = keys.iter().filter(|key| key.need == Need::Required);
        let each = required.filter_map(|key| Some((key.name.to_owned(), something(&key.kind)?)));
        each.collect()
    };
    Some(match kind {
        Kind::Float(range) => json!(inside(range)),
        Kind::Whole(min, max) => json!((*min).max(10).min(*max)),
        Kind::Text | Kind::Path | Kind::Label => json!("unknown"),
        Kind::Choice(choices) => json!(choices.first()?.0),
        Kind::List(item, least) | Kind::Set(item, least) => {
            (0..*least).filter_map(|_| something(item)).collect()
        }
        Kind::Map(section) => fields(section.keys).into(),
        Kind::Part(part) => {
            let variant = part.variants.first()?;
            let mut all = fields(variant.keys);
            all.insert(part.tag.to_owned(), variant.name.into());
            all.into()
        }
        Kind::Step(steps) => {
            let step = steps.first()?;
            json!({ step.name: something(&step.kind)? })
        }
        Kind::Named(_) => json!({}),
        Kind::Axes(_) | Kind::Any | Kind::Extends | Kind::Format | Kind::Profiles => return None,
    })
}

fn inside(range: &Range) -> f64 {
    let tries = [0.5, 1.0, range.min, range.max];
    tries
        .into_iter()
        .find(|x| range.contains(*x))
        .unwrap_or(0.5)
}

/// The values for serde, without what `~` deleted.
pub(super) fn plain_dict(dict: &Dict) -> serde_json::Value {
    let kept = dict.iter().filter(|(_, value)| !is_empty(value));
    serde_json::Value::Object(
        kept.map(|(key, value)| (key.clone(), plain(value)))
            .collect(),
    )
}

fn plain(value: &Value) -> serde_json::Value {
    match value {
        Value::String(_, text) => text.clone().into(),
        Value::Char(_, c) => c.to_string().into(),
        Value::Bool(_, x) => (*x).into(),
        Value::Num(_, Num::U64(x)) => (*x).into(),
        // `1e3` is a thousand, also where a whole number is due.
        Value::Num(_, Num::F64(x))
            if x.fract() == 0.0 && x.abs() <= EXACT && !(*x == 0.0 && x.is_sign_negative()) =>
        {
            (*x as i64).into()
        }
        Value::Num(_, Num::I128(x)) => i64::try_from(*x).map_or((*x as f64).into(), Into::into),
        Value::Num(_, number) => number.to_f64().into(),
        Value::Empty(..) => serde_json::Value::Null,
        Value::Dict(_, dict) => plain_dict(dict),
        Value::Array(_, items) => items.iter().map(plain).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Spec, schema::SPEC};

    #[test]
    fn something_is_valid_for_every_key() {
        let mut wrong = BTreeSet::new();
        let spec = mended(&Dict::new(), &mut wrong);
        serde_json::from_value::<Spec>(spec).unwrap();
        let required = SPEC.keys.iter().filter(|key| key.need == Need::Required);
        assert_eq!(wrong.len(), required.count());
    }
}
