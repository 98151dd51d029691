//! Explanations of what can be wrong with a file before its keys are looked at.

use super::Explanation;

pub(super) const NOT_FOUND: Explanation = Explanation {
    title: "there is no such file, or no spec in the folder",
    why: "A path of the command line leads to no file, or to a folder in which no file ends in `.yaml` or \
          `.yml`. Relative paths start at the folder in which the command runs. The command stops before any \
          work, since the wrong specs would cost more than none.",
    wrong: "supcon check experiment/mini",
    right: "supcon check experiments/mini",
    fix: "Compare the path with what is there (`ls`); give specs the ending `.yaml`.",
};

pub(super) const UNREADABLE: Explanation = Explanation {
    title: "the system refused to read a file or folder",
    why: "The path exists in part, but it cannot be read: the permission is missing, a folder in it is a file, \
          or the disk failed. The system's own words stand at the end of the message.",
    wrong: "supcon check experiments/mini/supcon.yaml/supcon.yaml",
    right: "supcon check experiments/mini/supcon.yaml",
    fix: "Read the system's words; check the permissions with `ls -l`.",
};

pub(super) const NOT_A_FILE: Explanation = Explanation {
    title: "a folder or a device where a file is due",
    why: "A spec, or what it extends, must be a regular file. Pipes, devices and folders are refused before \
          they are opened, because reading them may never end. Folders are fine on the command line, where \
          every spec in them is meant, but not for `supcon preview`, which draws one spec, nor in `extends`.",
    wrong: "supcon check /dev/stdin",
    right: "supcon check spec.yaml",
    fix: "Write the spec to a file and name that file.",
};

pub(super) const EXISTS: Explanation = Explanation {
    title: "a file of this name is already there",
    why: "`supcon new` writes a new spec and never over another file, whoever made it: what is lost that way \
          cannot be had back.",
    wrong: "supcon new mine    # the second time",
    right: "supcon new mine-2",
    fix: "Choose another name, or another folder with `--dir DIR`.",
};

pub(super) const UNWRITABLE: Explanation = Explanation {
    title: "the system refused to write a file or folder",
    why: "The folder cannot be made, or the file cannot be written in it: the permission is missing, a part \
          of the path is a file, or the disk is full. The system's own words stand at the end of the message.",
    wrong: "supcon new mine --dir spec.yaml",
    right: "supcon new mine --dir experiments",
    fix: "Read the system's words; choose a folder that you may write to.",
};

pub(super) const TOO_LARGE: Explanation = Explanation {
    title: "a spec of more than 1 MiB",
    why: "Specs are written by people and have a few kilobytes. A file of more than 1 MiB is most likely \
          something else, such as data or a log, and is not read further.",
    wrong: "supcon check results/images.yaml",
    right: "supcon check experiments/mini/supcon.yaml",
    fix: "Check that the path names a spec; move figures into a CSV file that `reference` names.",
};

pub(super) const NOT_UTF8: Explanation = Explanation {
    title: "a file in another encoding than UTF-8",
    why: "Specs are UTF-8. A byte that is not part of a character means that an editor saved the file as \
          UTF-16 or Latin-1, or that it is no text. Guessing would turn names into other names.",
    wrong: "iconv -f utf-8 -t utf-16 notes.txt > spec.yaml",
    right: "iconv -f utf-16 -t utf-8 notes.txt > spec.yaml",
    fix: "Save the file as UTF-8; the offset in the message is the first byte that does not fit.",
};

pub(super) const EMPTY: Explanation = Explanation {
    title: "a file without any key",
    why: "The file is empty, or holds only comments. An experiment needs at least `name`, `seeds`, `data`, \
          `encoder` and `phases`, written in the file or taken from a base through `extends`.",
    wrong: "# my first experiment",
    right: "extends: cifar10-resnet50v2\nname: my-first\nseeds: [0]",
    fix: "Start from a file of `experiments/` and change it.",
};

pub(super) const SYNTAX: Explanation = Explanation {
    title: "the text is not valid YAML",
    why: "The text breaks the grammar of YAML, so that nobody can say which keys it holds: a bracket or quote \
          is never closed, a line is indented with a tab, a control character stands in it, or a second \
          document begins. The place is where the parser gave up; the cause is often a line earlier.",
    wrong: "seeds: [0, 1, 2",
    right: "seeds: [0, 1, 2]",
    fix: "Look at the marked line and at the one before it; indent with spaces.",
};

pub(super) const TOO_DEEP: Explanation = Explanation {
    title: "lists and mappings nested deeper than 64",
    why: "No spec needs more than a few levels. Thousands of open brackets would overflow the stack of a \
          parser, so reading stops at level 64.",
    wrong: "widths: [[[[[[[[ ... ]]]]]]]]",
    right: "widths: [16]",
    fix: "Remove the extra brackets.",
};

pub(super) const ALIAS_LIMIT: Explanation = Explanation {
    title: "more than 10,000 values, or an alias inside its own anchor",
    why: "An alias (`*name`) stands for everything below its anchor (`&name`). A few lines of aliases can \
          stand for billions of values, and an alias inside its own anchor for infinitely many. Values are \
          counted with what aliases stand for, before any memory is taken.",
    wrong: "seeds: &all [0, 1, *all]",
    right: "seeds: [0, 1, 2]",
    fix: "Write the values out, or put what specs share into a base for `extends`.",
};

pub(super) const TAG: Explanation = Explanation {
    title: "a YAML tag, such as `!name`",
    why: "Tags tell a parser to build a value of another type. Here the key alone decides the type of its \
          value, so a tag could only contradict it.",
    wrong: "name: !label my-supcon",
    right: "name: my-supcon",
    fix: "Write the plain value; put text that starts with `!` in quotes.",
};

pub(super) const MERGE_KEY: Explanation = Explanation {
    title: "a merge key (`<<`)",
    why: "Merge keys are no part of YAML 1.2, and parsers disagree on which value wins. Layers do the same \
          here with one rule: mappings merge, lists replace, `~` deletes, and the later layer wins.",
    wrong: "optimizer: {<<: {name: adam}, learning_rate: 0.001}",
    right: "optimizer: {name: adam, learning_rate: 0.001}",
    fix: "Move what is shared into a base that `extends` names, or write the keys out; a whole value may \
          still be an alias.",
};

pub(super) const COMPLEX_KEY: Explanation = Explanation {
    title: "a list, a mapping or an alias as a key",
    why: "Keys are names. YAML also allows lists and mappings as keys, most often by accident: a bracket or \
          a brace stands in front of the colon.",
    wrong: "[seeds]: [0, 1, 2]",
    right: "seeds: [0, 1, 2]",
    fix: "Write the key as a plain word.",
};

pub(super) const DUPLICATE_KEY: Explanation = Explanation {
    title: "the same key twice in one mapping",
    why: "Most YAML parsers keep the last value and drop the first without a word, so that an edit of the \
          first line changes nothing. Both places are shown.",
    wrong: "  pretrain:\n    epochs: 5\n    batch_size: 20\n    epochs: 10",
    right: "  pretrain:\n    epochs: 5\n    batch_size: 20",
    fix: "Keep one of the two lines.",
};

pub(super) const NEWER_FORMAT: Explanation = Explanation {
    title: "a spec of a newer version of the language",
    why: "`format` says in which version of the language a file is written. This program cannot know what the \
          keys of a later one mean, so it judges none of them. A file without `format` is read as the version \
          of the program.",
    wrong: "format: 2",
    right: "format: 1",
    fix: "Install a newer supcon, or write the spec in the version that this one reads.",
};
