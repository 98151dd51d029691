//! Problems of data, each provoked by files that are wrong in its way.

use super::write;
use std::path::Path;
use supcon::data::{self, DataError, LoadOptions};
use supcon::diag::Code;
use supcon::plan::{DataPlan, SourcePlan};
use supcon::spec::Subset;

/// A problem of data as `run` prints it.
pub(super) fn data_case(code: Code, folder: &Path) -> Option<String> {
    let images = SourcePlan::ImageFolder { image_size: 32 };
    let cifar = |folder: &Path| load_data(SourcePlan::Cifar10, None, folder);
    let error = match code {
        Code::DataPath => {
            // The variable adds a place to the message.
            if std::env::var_os("SUPCON_DATA").is_some() {
                return None;
            }
            cifar(&folder.join("cifar"))
        }
        Code::DataFormat => {
            write(folder, "batches.meta.txt", class_names());
            write(folder, "data_batch_1.bin", [0_u8; 100]);
            cifar(folder)
        }
        Code::DataLabel => {
            write(folder, "batches.meta.txt", class_names());
            let mut bytes = vec![0_u8; 10_000 * 3_073];
            bytes[7 * 3_073] = 10;
            write(folder, "data_batch_1.bin", bytes);
            cifar(folder)
        }
        Code::DataIo => {
            write(folder, "data_batch_1.bin", "");
            cifar(folder)
        }
        Code::DataArchive => {
            write(folder, "cifar-10-binary.tar.gz", "a page that says sorry");
            cifar(folder)
        }
        Code::DataBadImage => {
            for name in ["train/cat/1.png", "train/dog/1.png", "test/cat/2.png"] {
                write(folder, name, "text");
            }
            write(folder, "test/dog/2.png", "");
            load_data(images, None, folder)
        }
        Code::DataLayout => {
            for class in ["cat", "dog", "fox"] {
                write(folder, &format!("train/{class}/1.png"), "text");
            }
            for class in ["cat", "fox"] {
                write(folder, &format!("test/{class}/2.png"), "text");
            }
            load_data(images, None, folder)
        }
        Code::DataOneClass => {
            write(folder, "train/cat/1.png", "text");
            load_data(images, None, folder)
        }
        Code::DataTooFew => {
            let (train_size, test_size) = (100, 10);
            let shapes = SourcePlan::Shapes {
                train_size,
                test_size,
            };
            load_data(shapes, Some(5), folder)
        }
        // Asking a server is for the tests of `data`; this is its answer.
        _ => DataError::Download {
            url: "https://example.org/set.tar.gz".into(),
            path: "cache/set.tar.gz".into(),
            cause: "the connection was refused, 3 times in a row".into(),
            expected: "170052171 bytes".into(),
            help: "run the command again".into(),
        },
    };
    assert_eq!(error.code(), code, "{error}");
    Some(format!("error[{code}]: {error}\n"))
}

fn class_names() -> String {
    (0..10).map(|i| format!("class{i}\n")).collect()
}

fn load_data(source: SourcePlan, train_limit: Option<usize>, folder: &Path) -> DataError {
    let plan = DataPlan {
        source,
        root: None,
        train_limit,
        train_subset: Subset::default(),
        validation: 0.0,
        folder: None,
    };
    let options = LoadOptions {
        data_dir: Some(folder.to_owned()),
        cache_dir: folder.join("cache"),
        disk: supcon::disk::Disk::real(),
        progress: &|_| {},
    };
    data::load(&plan, &options).expect_err("an error")
}
