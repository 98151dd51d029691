//! Explanations of what can be wrong with records, checkpoints and the disk under them.

use super::Explanation;

pub(super) const RESUME_DATA: Explanation = Explanation {
    title: "the images are not those that the run began with",
    why: "A checkpoint holds the hash of images and labels. They have changed since, and a run that goes on with others \
          would be of neither.",
    wrong: "supcon run spec.yaml --data other-images    # behind an interrupt",
    right: "supcon run spec.yaml --data images",
    fix: "Give the images of before, or begin the run again from nothing with `--restart`.",
};

pub(super) const CKPT_SKIPPED: Explanation = Explanation {
    title: "a damaged checkpoint was passed over",
    why: "A file of the newest checkpoint is missing or differs from its hash, so the one before it was used. The steps \
          between the two are taken again; the result is the same.",
    wrong: "(a checkpoint whose bytes were changed)",
    right: "(any sound checkpoint)",
    fix: "Nothing needs to be done; if it happens again, look at the disk (`supcon fsck --deep`).",
};

pub(super) const CKPT_NONE_VALID: Explanation = Explanation {
    title: "every checkpoint of an unfinished run is damaged",
    why: "Files of all checkpoints are missing or differ from their hashes. The run is not silently begun again: it may \
          have cost days, and the damage may be mendable.",
    wrong: "supcon run spec.yaml",
    right: "supcon run spec.yaml --restart",
    fix: "Bring the files back from a copy, or begin the run again from nothing with `--restart`.",
};

pub(super) const DAMAGED: Explanation = Explanation {
    title: "a file of a finished run is not what was recorded",
    why: "A finished run lists length and hash of each of its files. One is missing or differs, so no figure of it is \
          shown. Other runs are not touched.",
    wrong: "(a file of results/runs that was edited)",
    right: "(the file as it was recorded)",
    fix: "Bring the file back from a copy, or `supcon rm` the run, and give the `run` command again: it trains the run anew. \
          Where a file is missing or has another length, that needs no `rm`.",
};

pub(super) const DISK_PLAN: Explanation = Explanation {
    title: "the disk has too little room for the run",
    why: "What a run writes is known before its first step: checkpoints, the finished model, tables. There is less room \
          than that, so it was not begun.",
    wrong: "supcon run spec.yaml --results /almost/full",
    right: "supcon run spec.yaml --results /large",
    fix: "Free the space that the message names (`supcon gc` shows what can go), or use another `--results`.",
};

pub(super) const DISK_FULL: Explanation = Explanation {
    title: "the disk or a quota is full",
    why: "A write was refused. What was begun was taken back; the last committed checkpoint and every figure up to it \
          are kept, and so is what came of a download.",
    wrong: "(a full disk)",
    right: "(a disk with the room that the message names)",
    fix: "Free space (`supcon gc` shows what can go), then give the same command again: it goes on where it was.",
};

pub(super) const DISK_IO: Explanation = Explanation {
    title: "the disk refused a write",
    why: "The system answered a write, a sync or a rename with an error that is not about space: a failing medium, a \
          file system that became read-only, or missing permission. What was committed before is kept.",
    wrong: "supcon run spec.yaml --results /read-only/place",
    right: "supcon run spec.yaml --results results",
    fix: "Mend the disk or its permissions, then give the same command again: it goes on where it was.",
};
