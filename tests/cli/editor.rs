//! What editors and readers are shown of the language: the JSON Schema never marks what the check accepts, and the
//! committed schema and key reference are those of the tables.

use serde_json::{Map, Value};
use std::path::PathBuf;
use supcon::plan::{load_runs, spec_files};
use supcon::spec::templates::ANNOTATED;
use supcon::spec::{Overrides, schema};

/// What writes the committed files anew.
const REPAIR: &str = "SUPCON_BLESS=1 cargo test --release committed";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Fails at the first line in which a committed file differs; with `SUPCON_BLESS` set it writes the file first.
fn compare(path: &str, expected: &str) {
    let file = root().join(path);
    if std::env::var_os("SUPCON_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(&file, expected).expect("written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    if found == expected {
        return;
    }
    let lines = || found.lines().map(Some).chain(std::iter::repeat(None));
    let wanted = expected.lines().map(Some).chain(std::iter::repeat(None));
    let at = lines()
        .zip(wanted.clone())
        .position(|(a, b)| a != b || a.is_none());
    let at = at.unwrap_or(0);
    panic!(
        "{path} is not what the tables say, first in line {}:\n  file:   {:?}\n  tables: {:?}\nrepair it with `{REPAIR}`",
        at + 1,
        lines().nth(at).flatten(),
        wanted.clone().nth(at).flatten()
    );
}

#[test]
fn the_committed_schema_is_that_of_the_tables() {
    compare(
        "templates/spec.schema.json",
        &format!("{:#}\n", schema::json_schema()),
    );
}

#[test]
fn the_committed_key_reference_is_that_of_the_tables() {
    compare("docs/keys.md", &schema::markdown());
}

/// What an editor makes of a schema. Knows the keywords that ours uses, and fails on any other.
struct Editor {
    schema: Value,
}

impl Editor {
    fn new() -> Self {
        Self {
            schema: schema::json_schema(),
        }
    }

    /// Whether nothing of a spec's text would be marked.
    fn is_content(&self, text: &str) -> bool {
        let value: Value = serde_yaml::from_str(text).expect("valid YAML");
        self.accepts(&self.schema, &value)
    }

    fn accepts(&self, schema: &Value, value: &Value) -> bool {
        match schema {
            Value::Bool(anything) => *anything,
            Value::Object(rules) => rules
                .iter()
                .all(|(keyword, rule)| self.holds(keyword, rule, rules, value)),
            other => panic!("no schema: {other}"),
        }
    }

    fn holds(
        &self,
        keyword: &str,
        rule: &Value,
        rules: &Map<String, Value>,
        value: &Value,
    ) -> bool {
        match keyword {
            "$schema" | "$defs" | "title" | "description" | "default" | "errorMessage" => true,
            // Read with `if`.
            "then" | "else" => rules.contains_key("if"),
            "if" => {
                let branch = if self.accepts(rule, value) {
                    "then"
                } else {
                    "else"
                };
                let rule = rules.get(branch);
                rule.is_none_or(|rule| self.accepts(rule, value))
            }
            "$ref" => {
                let name = rule.as_str().and_then(|name| name.strip_prefix('#'));
                let target = name.and_then(|name| self.schema.pointer(name));
                self.accepts(target.expect("a reference leads somewhere"), value)
            }
            "const" => rule == value,
            "not" => !self.accepts(rule, value),
            "allOf" => self.accepting(rule, value) == list(rule).len(),
            "anyOf" => self.accepting(rule, value) > 0,
            "oneOf" => self.accepting(rule, value) == 1,
            "type" => match rule {
                Value::Array(names) => names.iter().any(|name| is_a(name, value)),
                name => is_a(name, value),
            },
            _ => match value {
                Value::Object(map) => self.mapping_holds(keyword, rule, rules, map),
                Value::Array(items) => self.list_holds(keyword, rule, items),
                scalar => scalar_holds(keyword, rule, scalar),
            },
        }
    }

    /// How many of the schemas in a list accept the value.
    fn accepting(&self, schemas: &Value, value: &Value) -> usize {
        let accepting = list(schemas)
            .iter()
            .filter(|schema| self.accepts(schema, value));
        accepting.count()
    }

    fn mapping_holds(
        &self,
        keyword: &str,
        rule: &Value,
        rules: &Map<String, Value>,
        map: &Map<String, Value>,
    ) -> bool {
        let empty = Map::new();
        let section = |name: &str| rules.get(name).and_then(Value::as_object).unwrap_or(&empty);
        let patterns = section("patternProperties");
        match keyword {
            "required" => list(rule)
                .iter()
                .all(|name| map.contains_key(name.as_str().expect("a name"))),
            "minProperties" => map.len() as u64 >= rule.as_u64().expect("a count"),
            "maxProperties" => map.len() as u64 <= rule.as_u64().expect("a count"),
            "properties" => map.iter().all(|(key, inner)| {
                let schema = rule.get(key);
                schema.is_none_or(|schema| self.accepts(schema, inner))
            }),
            "patternProperties" => map.iter().all(|(key, inner)| {
                let mut rules = patterns.iter().filter(|(pattern, _)| matches(pattern, key));
                rules.all(|(_, schema)| self.accepts(schema, inner))
            }),
            "additionalProperties" => map.iter().all(|(key, inner)| {
                section("properties").contains_key(key)
                    || patterns.keys().any(|pattern| matches(pattern, key))
                    || self.accepts(rule, inner)
            }),
            other => is_of_another_type(other),
        }
    }

    fn list_holds(&self, keyword: &str, rule: &Value, items: &[Value]) -> bool {
        match keyword {
            "items" => items.iter().all(|item| self.accepts(rule, item)),
            "minItems" => items.len() as u64 >= rule.as_u64().expect("a count"),
            "uniqueItems" => (1..items.len()).all(|i| !items[..i].contains(&items[i])),
            other => is_of_another_type(other),
        }
    }
}

fn scalar_holds(keyword: &str, rule: &Value, value: &Value) -> bool {
    let number = |holds: fn(f64, f64) -> bool| {
        let bound = rule.as_f64().expect("a bound");
        value.as_f64().is_none_or(|x| holds(x, bound))
    };
    match keyword {
        "minimum" => number(|x, bound| x >= bound),
        "exclusiveMinimum" => number(|x, bound| x > bound),
        "maximum" => number(|x, bound| x <= bound),
        "exclusiveMaximum" => number(|x, bound| x < bound),
        "pattern" => {
            let pattern = rule.as_str().expect("a pattern");
            value.as_str().is_none_or(|text| matches(pattern, text))
        }
        other => is_of_another_type(other),
    }
}

/// A keyword does not speak of values of other types than its own.
fn is_of_another_type(keyword: &str) -> bool {
    let known = "required minProperties maxProperties properties patternProperties additionalProperties \
        items minItems uniqueItems minimum exclusiveMinimum maximum exclusiveMaximum pattern";
    let known = known.split_whitespace().any(|known| known == keyword);
    assert!(known, "the test does not know the keyword `{keyword}`");
    true
}

fn is_a(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type's name") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|x| x.fract() == 0.0),
        "null" => value.is_null(),
        other => panic!("the test does not know the type `{other}`"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// The few patterns that the schema uses.
fn matches(pattern: &str, text: &str) -> bool {
    let rules = [&schema::LABEL, &schema::PHASE_NAME];
    if let Some(rule) = rules.into_iter().find(|rule| rule.pattern == pattern) {
        return rule.accepts(text);
    }
    let names = pattern.strip_prefix("^(");
    if let Some(names) = names.and_then(|rest| rest.strip_suffix(")$")) {
        return names.split('|').any(|name| name == text);
    }
    let lower = text.to_lowercase();
    match pattern {
        r"\S" => !text.trim().is_empty(),
        r"/|\.[yY][aA]?[mM][lL]$" => {
            text.contains('/') || lower.ends_with(".yaml") || lower.ends_with(".yml")
        }
        other => panic!("the test does not know the pattern `{other}`"),
    }
}

/// Whether the check accepts a spec beside `base.yaml`, the annotated spec.
fn passes(text: &str) -> bool {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("spec.yaml");
    std::fs::write(dir.path().join("base.yaml"), ANNOTATED).expect("written");
    std::fs::write(&path, text).expect("written");
    load_runs(&[path], &Overrides::default()).is_ok()
}

#[test]
fn no_shipped_spec_or_template_is_marked() {
    let editor = Editor::new();
    let mut problems = Vec::new();
    let folders = [root().join("experiments"), root().join("templates")];
    let files = spec_files(&folders, &mut problems);
    assert!(files.len() > 8 && problems.is_empty(), "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        assert!(editor.is_content(&text), "{}", file.display());
    }
}

#[test]
fn mistakes_are_marked_and_what_the_check_accepts_is_not() {
    let editor = Editor::new();
    // From, to, and whether an editor has nothing to mark.
    for (from, to, content) in [
        ("temperature: 0.05", "temperature: 1e-3", true),
        ("temperature: 0.05", "temperature: 0", false),
        ("temperature: 0.05", "temprature: 0.05", false),
        ("epochs: 6", "epochs: 0", false),
        ("epochs: 6", "epochs: six", false),
        ("name: npairs", "name: npair", false),
        ("name: npairs", "nmae: npairs", false),
        ("{flip: horizontal}", "{flip: vertical}", false),
        (
            "{flip: horizontal}",
            "{flip: horizontal, rotate: 0.1}",
            false,
        ),
        ("{flip: horizontal}", "{flip: ~}", false),
        ("rotate: 0.02", "rotate: 1", false),
        ("[encoder]", "[encoder, encoder]", false),
        ("[encoder]", "[head]", false),
        ("seeds: [0, 1]", "seeds: [0, 0]", false),
        ("seeds: [0, 1]", "seeds: []", false),
        ("seeds: [0, 1]", "seeds: 3", false),
        ("seeds: [0, 1]", "seeds: [18446744073709551615]", true),
        ("name: my-experiment\n", "name: My\n", false),
        ("name: my-experiment\n", "name: 7\n", false),
        ("name: my-experiment\n", "", false),
        ("  pretrain:\n", "  Pre Train:\n", false),
        ("widths: [64], ", "", false),
        ("widths: [64]", "widths: []", false),
        ("  dataset: shapes\n", "", false),
        ("    loss: {name: cross_entropy}\n", "", false),
        (
            "{name: cross_entropy}",
            "{name: cross_entropy, temperature: ~}",
            true,
        ),
        (
            "{name: cross_entropy}",
            "{name: cross_entropy, temperature: 1}",
            false,
        ),
        ("validation: 0 ", "validation: .5 ", true),
        ("validation: 0 ", "root: ~ ", true),
        ("min: 0.3", "min: ~, max: 1", true),
        ("metric: test_accuracy, ", "", false),
        (
            "source: \"our choice: three times chance\"",
            "source: 7",
            false,
        ),
    ] {
        assert!(ANNOTATED.contains(from), "{from}");
        let text = ANNOTATED.replacen(from, to, 1);
        assert_eq!(editor.is_content(&text), content, "{from} -> {to}");
        assert_eq!(passes(&text), content, "{from} -> {to}");
    }
}

#[test]
fn a_spec_that_extends_may_leave_out_what_its_base_holds() {
    let editor = Editor::new();
    for (text, content) in [
        ("name: other", true),
        ("seeds: [3]\nexpect: ~\naugment: ~", true),
        ("data: {train_size: 600}", true),
        ("data: {train_size: 600, root: ~}", true),
        ("data: {train_siez: 600}", false),
        ("encoder: {blocks: 2}", true),
        ("encoder: {blocks: 0}", false),
        ("encoder: {name: resnet50_v2, blocks: ~, width: ~}", true),
        ("phases: {}", true),
        ("phases: {pretrain: {epochs: 1}}", true),
        ("phases: {pretrain: {epohs: 1}}", false),
        ("phases: {pretrain: ~, classify: {freeze: ~}}", true),
        ("phases: {pretrain: {head: {name: projection}}}", true),
        ("phases: {pretrain: {head: {activation: linear}}}", true),
        (
            "phases: {classify: {head: {dropout: 0.5, hidden: [3]}}}",
            true,
        ),
        // Lists are replaced as a whole, so their items are complete.
        ("expect: [{min: 0.1}]", false),
    ] {
        for base in ["base.yaml", "[./base.yaml]"] {
            let text = format!("extends: {base}\n{text}\n");
            assert_eq!(editor.is_content(&text), content, "{text}");
            assert_eq!(passes(&text), content, "{text}");
        }
        assert!(!editor.is_content(text), "without `extends`: {text}");
    }
    for (base, content) in [
        ("cifar10-resnet50v2", true),
        ("cifar10", false),
        ("new", false),
    ] {
        assert_eq!(
            editor.is_content(&format!("extends: {base}")),
            content,
            "{base}"
        );
    }
}

/// Calls `see` with every schema of a key and the key's name; those that only say what is required are left out.
fn keys<'a>(value: &'a Value, see: &mut impl FnMut(&str, &'a Value)) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                if let ("properties", Value::Object(properties)) = (name.as_str(), inner) {
                    for (key, schema) in properties {
                        see(key, schema);
                    }
                }
                if !["if", "then", "else", "allOf"].contains(&name.as_str()) {
                    keys(inner, see);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, see)),
        _ => {}
    }
}

#[test]
fn every_key_of_the_tables_has_a_title_and_a_text_to_hover_over() {
    let whole = schema::json_schema();
    let mut texts: Vec<(String, String)> = Vec::new();
    keys(&whole, &mut |name, schema| {
        let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
        let described = text("title").is_some() && text("description").is_some();
        assert!(
            described || schema.get("anyOf").is_some(),
            "{name}: {schema}"
        );
        texts.push((name.into(), text("description").unwrap_or("").into()));
    });
    schema::visit(&schema::SPEC, String::new(), &mut |_, section| {
        for key in section.keys {
            let shown = |(name, text): &(String, String)| {
                name == key.name && text.starts_with(key.doc) && text.contains(&key.kind.words())
            };
            assert!(texts.iter().any(shown), "{}: {}", key.name, key.doc);
        }
    });
    for step in schema::STEPS {
        assert!(texts.iter().any(|(name, _)| name == step.name));
    }
}

#[test]
fn the_annotated_spec_opens_with_five_lines_and_passes_the_check() {
    let heads = [
        "# claim: ",
        "# source: ",
        "# cost: ",
        "# expected: ",
        "# command: ",
    ];
    for (line, head) in ANNOTATED.lines().zip(heads) {
        assert!(line.starts_with(head), "{line}");
    }
    assert!(passes(ANNOTATED));
}
