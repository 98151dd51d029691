//! The binary: hands the command line to `cli` and its exit code to the shell.

fn main() -> std::process::ExitCode {
    supcon::cli::main()
}
