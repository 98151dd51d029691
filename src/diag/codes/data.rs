//! Explanations of what can be wrong with images, labels and the files that hold them.

use super::Explanation;

pub(super) const PATH: Explanation = Explanation {
    title: "the data set is at none of the named places",
    why: "Data is looked for at `--data` alone if it is given, else at `SUPCON_DATA`, then at `data.root`, which is \
          relative to the file that it is written in. The message lists each place, who named it, and what is there. A place that \
          was named is never replaced by a download, so that no other copy is used than the one you meant.",
    wrong: "supcon run experiments/mini --data ~/cifar",
    right: "supcon run experiments/mini --data ~/cifar-10-batches-bin",
    fix: "Correct the path that the message names, or name none to let CIFAR-10 be downloaded.",
};

pub(super) const FORMAT: Explanation = Explanation {
    title: "a file of the data set has the wrong length or layout",
    why: "Each file of CIFAR-10 has exactly 10,000 records of 3,073 bytes, and `batches.meta.txt` has ten \
          names. A shorter file is an unfinished copy, and a longer one another format. Reading on would \
          shift every label.",
    wrong: "data_batch_3.bin with 30,729,999 bytes",
    right: "data_batch_3.bin with 30,730,000 bytes",
    fix: "Fetch the set again; the python and matlab versions of CIFAR-10 are other files.",
};

pub(super) const LABEL: Explanation = Explanation {
    title: "a label outside the classes",
    why: "A record's label is larger than the largest class. The file was damaged or edited, so none of its \
          other labels can be trusted either.",
    wrong: "record 7 of test_batch.bin with label 10",
    right: "labels from 0 to 9",
    fix: "Restore the file from its source; the message has record and byte.",
};

pub(super) const BAD_IMAGE: Explanation = Explanation {
    title: "files of an image folder that are no usable image",
    why: "Every image is decoded before training. Files that are cut, empty, too large or no PNG or JPEG are \
          listed together, the first 20 by name. Skipping them in silence would train on other data than the \
          spec says.",
    wrong: "train/cat/notes.png, which holds text",
    right: "train/cat/001.png, a PNG image",
    fix: "Repair or remove the listed files.",
};

pub(super) const LAYOUT: Explanation = Explanation {
    title: "the folders are not `train/<class>` and `test/<class>`",
    why: "An image folder has `train` and `test`, each with one folder a class, the same classes in both, and \
          images directly in them. A missing class in `test` would make its accuracy look better, and a \
          nested folder would be no class at all.",
    wrong: "train/{cat,dog,fox}/1.png  test/{cat,fox}/2.png",
    right: "train/{cat,dog,fox}/1.png  test/{cat,dog,fox}/2.png",
    fix: "Move or add the folder that the message names.",
};

pub(super) const ONE_CLASS: Explanation = Explanation {
    title: "an image folder with a single class",
    why: "With one class every image is a positive of every other, and every classifier is right: there is \
          nothing to learn. Most often the path is one level too deep.",
    wrong: "data/train/cat/1.png",
    right: "data/train/cat/1.png  data/train/dog/1.png",
    fix: "Add a folder for each further class, or name the folder above.",
};

pub(super) const TOO_FEW: Explanation = Explanation {
    title: "too few images for the split, a batch or the loss",
    why: "`train_limit` takes the same number of images from each class, and `validation` holds a share of \
          each class out. A class is too small to give its part, or would have nothing left to train on. For \
          folders this is known only when the data is there, and so is whether they fill a batch and hold pairs \
          of a class for `npairs`.",
    wrong: "data: {dataset: image_folder, train_limit: 1000}    # a class of 40 images",
    right: "data: {dataset: image_folder, train_limit: 400}    # ten classes, 40 images each",
    fix: "Lower `train_limit`, `validation` or `batch_size`, or add images to the class that is named.",
};

pub(super) const DOWNLOAD: Explanation = Explanation {
    title: "the data set could not be downloaded",
    why: "The server did not answer, answered with something else, or what came has another length or \
          SHA-256. A file gets its final name only when its hash is right; what came so far is kept and the \
          next attempt continues from there.",
    wrong: "supcon run experiments/mini    # on a machine without a network",
    right: "supcon run experiments/mini --data ~/cifar-10-batches-bin",
    fix: "Run the command again, set a proxy (`https_proxy`), or fetch the file elsewhere and name it with \
          `--data`.",
};

pub(super) const ARCHIVE: Explanation = Explanation {
    title: "an archive that is damaged or holds something else",
    why: "The archive cannot be unpacked, lacks a file of the set, holds one twice, or holds links, devices \
          or names that lead out of it. Only the known files are taken, and no more bytes than they have.",
    wrong: "--data cifar-10-python.tar.gz",
    right: "--data cifar-10-binary.tar.gz",
    fix: "Fetch the binary version again and compare its SHA-256.",
};

pub(super) const IO: Explanation = Explanation {
    title: "the system refused to read a file of the data",
    why: "A file of the set could not be read: it is missing, the permission is missing, or the disk fails. The \
          system's own words are in the message.",
    wrong: "a folder with data_batch_1.bin, but without batches.meta.txt",
    right: "all eight files of cifar-10-batches-bin",
    fix: "Check that the file exists, and its permissions.",
};
