//! A promise: a named case that is kept or broken.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::fixture::Fixture;

type Check = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Something that every implementation of a port promises.
#[derive(Clone, Copy)]
pub struct Promise<T> {
    name: &'static str,
    check: fn(&T) -> Check,
}

/// A promise that is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The name of the promise.
    pub promise: &'static str,
    /// What was found and what was expected.
    pub how: String,
}

impl<T: Send + 'static> Promise<T> {
    pub(crate) const fn new(name: &'static str, check: fn(&T) -> Check) -> Self {
        Self { name, check }
    }

    /// Its name, which is that of its test.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Tests it, and cleans up. To be called within a runtime of tokio with its timers.
    pub async fn check(&self, fixture: Fixture<T>) -> Result<(), Broken> {
        let (check, under_test) = (self.check, fixture.under_test);
        let kept = tokio::spawn(async move {
            let test = check(&under_test);
            drop(under_test);
            test.await;
        });
        let kept = kept.await;
        fixture.clean_up.await;
        kept.map_err(|failure| {
            let how = failure.try_into_panic().map_or_else(|error| error.to_string(), |panic| words(&*panic));
            Broken { promise: self.name, how }
        })
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Promise").field(&self.name).finish()
    }
}

/// As a sentence, after the rule that states it.
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, words) = sentence(self.promise);
        write!(f, "not kept: \"{words}\"{rule}, {}\n{}", self.promise, self.how)
    }
}

impl std::error::Error for Broken {}

/// The rule that a name begins with, as ` (R12.4)`, and the rest as words.
fn sentence(name: &str) -> (String, String) {
    let (mut numbers, mut words) = (Vec::new(), name);
    if let Some(mut rest) =
        name.strip_prefix('r').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    {
        while let Some((number, after)) = rest.split_once('_').filter(|(part, _)| part.parse::<u8>().is_ok())
        {
            numbers.push(number);
            rest = after;
        }
        words = rest;
    }
    let rule = if numbers.is_empty() { String::new() } else { format!(" (R{})", numbers.join(".")) };
    (rule, words.replace('_', " "))
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

/// Tests one promise of a list on a runtime of its own; what the tests that the macros make call.
///
/// # Panics
///
/// When it is not kept, with what [`Broken`] says.
#[doc(hidden)]
pub fn keep<T: Send + 'static, F: Future<Output = Fixture<T>>>(
    promises: &[Promise<T>],
    name: &str,
    fixture: impl FnOnce() -> F,
) {
    let promise = promises.iter().find(|promise| promise.name == name).expect("it is in its list");
    // Two threads, so that what races in a test does so in earnest.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let kept =
        runtime.expect("a runtime can be made").block_on(async { promise.check(fixture().await).await });
    if let Err(broken) = kept {
        panic!("{broken}");
    }
}

/// The promises of a suite, as a list.
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    (; $($group:ident::$promise:ident)*) => {
        &[$($crate::Promise::new(stringify!($promise), |under_test| Box::pin($group::$promise(under_test.into())))),*]
    };
}

/// The promises of a suite, as tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($attributes:tt $promises:path, $fixture:path; $($group:ident::$promise:ident)*) => {
        $($crate::__tests! { @one $attributes $promises, $fixture, $promise })*
    };
    (@one [$(#[$attribute:meta])*] $promises:path, $fixture:path, $promise:ident) => {
        $(#[$attribute])*
        #[test]
        fn $promise() {
            $crate::keep($promises, stringify!($promise), $fixture);
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_names_its_rule_and_what_was_expected() {
        let broken = |promise| Broken { promise, how: "left: 1, right: 2".to_owned() }.to_string();
        assert_eq!(
            broken("r12_4_a_claim_is_fenced"),
            "not kept: \"a claim is fenced\" (R12.4), r12_4_a_claim_is_fenced\nleft: 1, right: 2"
        );
        assert!(broken("r5_a_task_waits").starts_with("not kept: \"a task waits\" (R5), "));
        assert!(broken("reports_are_answered").starts_with("not kept: \"reports are answered\", "));
    }
}
