//! `sotto-directory`, the program: see [`sotto_directory::shell`].

fn main() -> std::process::ExitCode {
    sotto_directory::shell::main()
}
