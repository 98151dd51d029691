//! docs/diagnostics.md: what a problem looks like on a terminal and as JSON, and every code with its explanation.

use super::{Code, wrapped};
use std::fmt::Write;

const HEAD: &str = "\
# Diagnostics

Made from `src/diag/codes.rs` and the files below it; `SUPCON_BLESS=1 cargo test --release codes` writes it again.

Specs are checked before any work, and every mistake of every file is reported in one pass. Each has a code that
stays the same between versions. The exit code is 2, and nothing was run.

```
error[unknown-key]: unknown key `temprature` in `phases.pretrain.loss`
  --> experiments/keras/supcon.yaml:17:26
   |
17 |     loss: {name: npairs, temprature: 0.05}
   |                          ^^^^^^^^^^ did you mean `temperature`?
   = note: `loss` with `name: npairs` takes `temperature`
   = help: write `temperature`
error: 1 problem in experiments/keras/supcon.yaml, nothing was run
for more: `supcon help unknown-key`
```

Lines and columns count characters from 1. Control characters and marks that reorder text are shown as `\\u{1b}`. Texts
follow the width of the terminal, or of `COLUMNS` where there is none, from 80 to 160 columns; long lines are cut around
the caret. Colour appears on a terminal only, and not if `NO_COLOR` is set.

## As JSON

`check`, `plan` and `run` take `--format json`. If specs are refused, standard output is one line with one object, and
standard error is empty:

```json
{\"ok\":false,\"problems\":[{\"code\":\"unknown-key\",\"severity\":\"error\",\"message\":\"unknown key `temprature` in `phases.pretrain.loss`\",\"file\":\"experiments/keras/supcon.yaml\",\"line\":17,\"column\":26,\"end_column\":36,\"label\":\"did you mean `temperature`?\",\"notes\":[\"`loss` with `name: npairs` takes `temperature`\"],\"help\":\"write `temperature`\",\"related\":[]}]}
```

| field | value |
|---|---|
| `code` | a name of this page |
| `severity` | `error` |
| `message` | what is wrong, complete in itself |
| `file` | the file as it was named, `--set` or `environment`; null if the problem has no place |
| `line`, `column` | the first character that is marked, from 1; null without a place |
| `end_column` | the column behind the last one that is marked, on the same line |
| `label` | the text under the caret, or null |
| `notes` | facts that explain the message, possibly none |
| `help` | the one thing to do, or null |
| `related` | other places, each with `file`, `line`, `column`, `end_column` and `label` |

`check` answers good specs with `{\"ok\":true,\"experiments\":2,\"runs\":6,\"problems\":[]}`; `plan` and `run` then print what they
always print. Fields may be added; none of these will change its meaning. Characters that could act on a terminal are
written as `\\u001b`.
";

/// The whole page.
#[must_use]
pub fn render_page() -> String {
    let mut out = HEAD.to_owned();
    for (subject, codes) in Code::SUBJECTS {
        let _ = writeln!(out, "\n## {subject}\n\n| code | |\n|---|---|");
        for code in *codes {
            let name = code.as_str();
            let anchor = name.to_lowercase();
            let title = code.explanation().title;
            let _ = writeln!(out, "| [`{name}`](#{anchor}) | {title} |");
        }
        for code in *codes {
            section(&mut out, *code);
        }
    }
    out
}

fn section(out: &mut String, code: Code) {
    let text = code.explanation();
    let _ = write!(out, "\n### {code}\n\n{}", wrapped(text.why));
    for (head, example) in [("Wrong", text.wrong), ("Right", text.right)] {
        let _ = write!(out, "\n{head}:\n\n```\n{example}\n```\n");
    }
    let _ = write!(out, "\n{}", wrapped(text.fix));
}
