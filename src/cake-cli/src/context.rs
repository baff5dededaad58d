//! What every command gets: the words, the way of printing, and a client when it needs one.

use crate::args::Global;
use crate::failure::Failure;
use crate::instance::Instance;
use cake_client::{Client, Credential, Trust};
use cake_i18n::Words;

#[derive(Debug)]
pub struct Context {
    pub words: &'static Words,
    pub json: bool,
    global: Global,
}

impl Context {
    pub fn new(global: Global, words: &'static Words) -> Self {
        Self { words, json: global.json, global }
    }

    pub fn instance(&self) -> Result<Instance, Failure> {
        Instance::find(self.global.url.as_deref(), self.global.ca.as_deref()).ok_or(Failure::NoInstance)
    }

    /// A client that has not said who asks.
    pub fn anonymous(&self) -> Result<(Client, Instance), Failure> {
        let instance = self.instance()?;
        let ca = instance.ca.clone().ok_or(Failure::NoCertificate)?;
        let client = Client::new(&instance.url, &Trust::file(&ca)?)?;
        Ok((client.in_language(self.words.tag()), instance))
    }

    /// A client with the token of a file that was named, or of the login that is kept.
    pub fn client(&self) -> Result<Client, Failure> {
        let (client, instance) = self.anonymous()?;
        let token = match &self.global.token_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| Failure::Other(anyhow::anyhow!("{}: {error}", path.display())))?
                .trim()
                .to_owned(),
            None => instance.login().ok_or(Failure::NotLoggedIn)?.token,
        };
        Ok(client.with(Credential::Token(token)))
    }

    pub fn text(&self, id: &'static str) -> &'static str {
        self.words.text(id)
    }

    /// A sentence for the person, on standard error where standard output is for a program.
    pub fn say(&self, id: &'static str, facts: &[(&str, &str)]) {
        if !self.json {
            println!("{}", self.words.text_with(id, facts));
        }
    }
}
