"""Reads the files of a run folder with the readers that people use: every .parquet with each of pandas, DuckDB and polars
that can be imported, model.safetensors with safetensors. Prints a line for each file and reader; exits with 1 if a file
cannot be read or the readers disagree on the number of rows, with 2 if there is no reader or no file."""

import importlib
import pathlib
import sys


def read_pandas(path):
    frame = importlib.import_module("pandas").read_parquet(path, engine="pyarrow")
    return len(frame), list(frame.columns), frame.iloc[-1].tolist() if len(frame) else []


def read_duckdb(path):
    duckdb = importlib.import_module("duckdb")
    relation = duckdb.sql(f"select * from read_parquet('{path}')")
    rows = relation.fetchall()
    return len(rows), relation.columns, list(rows[-1]) if rows else []


def read_polars(path):
    frame = importlib.import_module("polars").read_parquet(path)
    return frame.height, frame.columns, list(frame.row(-1)) if frame.height else []


READERS = {"pandas": read_pandas, "duckdb": read_duckdb, "polars": read_polars}


def importable(name):
    try:
        importlib.import_module(name)
        return True
    except ImportError:
        return False


def same(a, b):
    """Equal, with NaN equal to NaN."""
    return len(a) == len(b) and all(x == y or (x != x and y != y) for x, y in zip(a, b))


def check_table(path, readers):
    answers = {}
    for name in readers:
        try:
            answers[name] = READERS[name](path)
        except Exception as error:  # any failure of a reader is a finding
            print(f"{path.name}: {name}: {type(error).__name__}: {error}")
            return False
        rows, columns, _ = answers[name]
        print(f"{path.name}: {name}: {rows} rows, {len(columns)} columns")
    rows, columns, last = next(iter(answers.values()))
    agree = all(r == rows and list(c) == list(columns) and same(l, last) for r, c, l in answers.values())
    if not agree:
        print(f"{path.name}: the readers disagree")
    return agree


def check_model(path):
    try:
        with importlib.import_module("safetensors").safe_open(path, framework="numpy") as model:
            numbers = sum(model.get_tensor(name).size for name in model.keys())
            words = ", ".join(sorted(model.metadata() or {}))
            print(f"{path.name}: safetensors: {len(model.keys())} tensors, {numbers} numbers, metadata: {words}")
        return True
    except Exception as error:  # any failure of the reader is a finding
        print(f"{path.name}: safetensors: {type(error).__name__}: {error}")
        return False


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--all"]):
        print("usage: read_run.py RUN_FOLDER [--all]")
        return 2
    missing = [name for name in [*READERS, "safetensors"] if not importable(name)]
    if missing and sys.argv[2:]:
        print(f"cannot be imported: {', '.join(missing)}")
        return 1
    folder = pathlib.Path(sys.argv[1])
    readers = [name for name in READERS if importable(name)]
    tables = sorted(folder.glob("*.parquet"))
    if not readers or not tables:
        print(f"no reader can be imported ({', '.join(READERS)})" if not readers else f"no .parquet in {folder}")
        return 2
    sound = [check_table(path, readers) for path in tables]
    model = folder / "model.safetensors"
    if model.exists() and importable("safetensors"):
        sound.append(check_model(model))
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())
