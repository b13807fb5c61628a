//! `sotto-mailbox`, the program: see [`sotto_mailbox::shell`].

fn main() -> std::process::ExitCode {
    sotto_mailbox::shell::main()
}
