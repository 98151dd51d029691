//! The one table of codes: every kind of mistake that the program names, with a title and an explanation.
//! A code is a closed enum, so that none can be written that `supcon help CODE` does not know. The texts are in the
//! files below, one a subject; `page` makes docs/diagnostics.md of
//! them.

mod conflict;
mod data;
mod file;
mod page;
mod run;
mod section;
mod store;
mod value;

pub use page::render_page;

use super::text::wrap;
use std::fmt::{self, Write};

/// Widest line of an explanation.
const WIDTH: usize = 96;

/// What a code means, for people.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    /// The kind of mistake in a few words.
    pub title: &'static str,
    /// What is wrong, and why it is refused.
    pub why: &'static str,
    /// What provokes it.
    pub wrong: &'static str,
    /// The same without the mistake.
    pub right: &'static str,
    /// What to do.
    pub fix: &'static str,
}

/// Makes the enum, its list and its names from one table.
macro_rules! codes {
    ($($subject:literal { $($variant:ident $name:literal $text:path,)+ })+) => {
        /// The stable name of a kind of mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )+)+
        }

        impl Code {
            /// Every code, by subject.
            pub const SUBJECTS: &'static [(&'static str, &'static [Self])] =
                &[$(($subject, &[$(Self::$variant),+])),+];

            /// The name, as it stands in brackets behind `error`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$variant => $name,)+)+
                }
            }

            /// What it means.
            #[must_use]
            pub fn explanation(self) -> &'static Explanation {
                match self {
                    $($(Self::$variant => &$text,)+)+
                }
            }
        }
    };
}

codes! {
    "Reading a file" {
        NotFound "not-found" file::NOT_FOUND,
        Unreadable "unreadable" file::UNREADABLE,
        NotAFile "not-a-file" file::NOT_A_FILE,
        Exists "exists" file::EXISTS,
        Unwritable "unwritable" file::UNWRITABLE,
        TooLarge "too-large" file::TOO_LARGE,
        NotUtf8 "not-utf8" file::NOT_UTF8,
        Empty "empty" file::EMPTY,
        Syntax "syntax" file::SYNTAX,
        TooDeep "too-deep" file::TOO_DEEP,
        AliasLimit "alias-limit" file::ALIAS_LIMIT,
        Tag "tag" file::TAG,
        MergeKey "merge-key" file::MERGE_KEY,
        ComplexKey "complex-key" file::COMPLEX_KEY,
        DuplicateKey "duplicate-key" file::DUPLICATE_KEY,
        NewerFormat "newer-format" file::NEWER_FORMAT,
    }
    "Keys and values" {
        UnknownKey "unknown-key" value::UNKNOWN_KEY,
        MissingKey "missing-key" value::MISSING_KEY,
        UnknownName "unknown-name" value::UNKNOWN_NAME,
        WrongType "wrong-type" value::WRONG_TYPE,
        OutOfRange "out-of-range" value::OUT_OF_RANGE,
        BadName "bad-name" value::BAD_NAME,
        EmptyList "empty-list" value::EMPTY_LIST,
        DuplicateValue "duplicate-value" value::DUPLICATE_VALUE,
        TooManyProblems "too-many" value::TOO_MANY,
    }
    "Layers, sections and files together" {
        BadExtends "bad-extends" section::BAD_EXTENDS,
        BadOverride "bad-override" section::BAD_OVERRIDE,
        BadProfile "bad-profile" conflict::BAD_PROFILE,
        BadSweep "bad-sweep" conflict::BAD_SWEEP,
        HeadAndLoss "head-and-loss" conflict::HEAD_AND_LOSS,
        BatchSize "batch-size" conflict::BATCH_SIZE,
        SplitSize "split-size" conflict::SPLIT_SIZE,
        AugmentOrder "augment-order" conflict::AUGMENT_ORDER,
        UntrainedEncoder "untrained-encoder" conflict::UNTRAINED_ENCODER,
        BadExpect "bad-expect" conflict::BAD_EXPECT,
        NoEffect "no-effect" section::NO_EFFECT,
        DuplicateName "duplicate-name" section::DUPLICATE_NAME,
        DuplicatePoint "duplicate-point" section::DUPLICATE_POINT,
        TooManyRuns "too-many-runs" section::TOO_MANY_RUNS,
        Reference "reference" section::REFERENCE,
        Internal "internal" section::INTERNAL,
    }
    "Data" {
        DataPath "DATA-PATH" data::PATH,
        DataFormat "DATA-FORMAT" data::FORMAT,
        DataLabel "DATA-LABEL" data::LABEL,
        DataBadImage "DATA-BAD-IMAGE" data::BAD_IMAGE,
        DataLayout "DATA-LAYOUT" data::LAYOUT,
        DataOneClass "DATA-ONE-CLASS" data::ONE_CLASS,
        DataTooFew "DATA-TOO-FEW" data::TOO_FEW,
        DataDownload "DATA-DOWNLOAD" data::DOWNLOAD,
        DataArchive "DATA-ARCHIVE" data::ARCHIVE,
        DataIo "DATA-IO" data::IO,
    }
    "Devices and runs" {
        EnvDevice "ENV-DEVICE" run::DEVICE,
        RunDiverged "RUN-DIVERGED" run::DIVERGED,
        RunInterrupted "RUN-INTERRUPTED" run::INTERRUPTED,
        RunKilled "RUN-KILLED" run::KILLED,
        RunOutOfMemory "RUN-OUT-OF-MEMORY" run::OUT_OF_MEMORY,
        RunNativeCrash "RUN-NATIVE-CRASH" run::NATIVE_CRASH,
        RunCrashLoop "RUN-CRASH-LOOP" run::CRASH_LOOP,
        RunPanic "RUN-PANIC" run::PANIC,
        RunFailed "RUN-FAILED" run::FAILED,
        RunStalled "RUN-STALLED" run::STALLED,
        RunCollapsed "RUN-COLLAPSED" run::COLLAPSED,
    }
    "Records and disks" {
        ResumeData "RESUME-DATA" store::RESUME_DATA,
        CkptSkipped "CKPT-SKIPPED" store::CKPT_SKIPPED,
        CkptNoneValid "CKPT-NONE-VALID" store::CKPT_NONE_VALID,
        StoreDamaged "STORE-DAMAGED" store::DAMAGED,
        DiskPlan "DISK-PLAN" store::DISK_PLAN,
        DiskFull "DISK-FULL" store::DISK_FULL,
        DiskIo "DISK-IO" store::DISK_IO,
    }
}

impl Code {
    /// Every code in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::SUBJECTS
            .iter()
            .flat_map(|(_, codes)| codes.iter().copied())
    }

    /// The code of a name; capitals and small letters are the same.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|code| code.as_str().eq_ignore_ascii_case(name))
    }

    /// The explanation as `supcon help CODE` shows it.
    #[must_use]
    pub fn explain(self) -> String {
        let text = self.explanation();
        let mut out = format!("{self}: {}\n\n{}", text.title, wrapped(text.why));
        for (head, example) in [("wrong", text.wrong), ("right", text.right)] {
            let _ = writeln!(out, "\n{head}:");
            for line in example.lines() {
                let _ = writeln!(out, "    {line}");
            }
        }
        let _ = write!(out, "\n{}", wrapped(&format!("What to do: {}", text.fix)));
        out
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// The line that leads from codes to their explanations; empty if none is a code of the table.
#[must_use]
pub fn pointer<'a>(codes: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = codes
        .into_iter()
        .filter_map(|name| Some(Code::find(name)?.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        String::new()
    } else {
        format!("for more: `supcon help {}`\n", names.join(" "))
    }
}

/// A paragraph in lines of at most `WIDTH` characters, each with its end.
fn wrapped(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    wrap(&words.join(" "), WIDTH).join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_in_any_case() {
        let mut names: Vec<&str> = Code::all().map(Code::as_str).collect();
        for code in Code::all() {
            assert_eq!(Code::find(code.as_str()), Some(code));
            assert_eq!(Code::find(&code.as_str().to_uppercase()), Some(code));
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(Code::find("no-such-code"), None);
    }

    #[test]
    fn every_text_is_complete_and_in_the_style_of_messages() {
        for code in Code::all() {
            let text = code.explanation();
            assert!(text.title.len() < 72, "{code}: long title");
            assert!(!text.title.ends_with('.'), "{code}: a full stop");
            assert!(
                text.why.len() > 80 && text.why.ends_with('.'),
                "{code}: why"
            );
            assert!(
                text.fix.len() > 20 && text.fix.ends_with('.'),
                "{code}: fix"
            );
            assert!(text.wrong != text.right, "{code}: examples");
            let shown = code.explain();
            assert!(shown.is_ascii(), "{code}: not ASCII");
            assert!(shown.lines().all(|line| line.len() <= 100), "{shown}");
        }
    }

    #[test]
    fn the_pointer_names_each_known_code_once() {
        assert_eq!(
            pointer(["unknown-key", "batch-size", "unknown-key", "OLD-CODE"]),
            "for more: `supcon help batch-size unknown-key`\n"
        );
        assert_eq!(pointer([]), "");
    }

    #[test]
    fn paragraphs_are_wrapped_between_words() {
        let text = wrapped(&"word ".repeat(50));
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(text.split_whitespace().count(), 50);
        assert_eq!(wrapped(&"y".repeat(200)).lines().count(), 1);
    }
}
