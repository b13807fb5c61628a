//! A FIDO2 token over USB as the vault's [`Token`].
//!
//! A credential is made without being stored on the token (non-resident), for a fixed name of the relying party, with
//! the extension hmac-secret (CTAP 2.1, section 12.5). The token answers with and without its PIN differently: a slot that was
//! made with the PIN opens with the PIN only. Nothing here has been tried with a token; see the known issues.

use ctap_hid_fido2::fidokey::{
    AssertionExtension, CredentialExtension, GetAssertionArgsBuilder, MakeCredentialArgsBuilder,
};
use ctap_hid_fido2::public_key_credential_user_entity::PublicKeyCredentialUserEntity;
use ctap_hid_fido2::{Cfg, FidoKeyHid, FidoKeyHidFactory, get_fidokey_devices};
use rand::Rng as _;
use sotto_transport::rng::OsRng;
use zeroize::{Zeroize as _, Zeroizing};

use crate::vault::{Token, TokenError};

/// The name of the relying party: credentials made for another are of no use here.
const RELYING_PARTY: &str = "sotto.vault";
/// What a token that shows names shows. It names no profile.
const USER: &str = "sotto";
/// The token knows no such credential (CTAP2_ERR_NO_CREDENTIALS, as the library words it).
const NO_CREDENTIALS: &str = "0x2E";
/// Codes of refusals by the token or the person: no touch, a wrong or missing PIN, a locked token.
const REFUSALS: [&str; 9] = ["0x05", "0x27", "0x2F", "0x31", "0x32", "0x33", "0x34", "0x36", "0x3A"];

/// The token that is plugged in.
pub(super) struct HidToken {
    pin: Option<Zeroizing<String>>,
}

impl HidToken {
    pub(super) const fn new(pin: Option<Zeroizing<String>>) -> Self {
        Self { pin }
    }

    fn device() -> Result<FidoKeyHid, TokenError> {
        match get_fidokey_devices().len() {
            0 => Err(TokenError::Absent),
            1 => FidoKeyHidFactory::create(&Cfg::init().with_keep_alive_msg_to_stderr(true))
                .map_err(|error| TokenError::Failed(error.to_string())),
            count => Err(TokenError::Refused(format!("{count} tokens are connected: leave one"))),
        }
    }

    /// Whether the token has made this credential. It asks for no touch, so that trying the slots of a vault does not ask
    /// for one each.
    fn knows(device: &FidoKeyHid, credential: &[u8]) -> Result<bool, TokenError> {
        let probe = GetAssertionArgsBuilder::new(RELYING_PARTY, &challenge())
            .without_pin_and_uv()
            .without_up()
            .credential_id(credential)
            .build();
        match device.get_assertion_with_args(&probe) {
            Ok(_) => Ok(true),
            Err(error) if error.to_string().contains(NO_CREDENTIALS) => Ok(false),
            Err(error) => Err(sorted(&error.to_string())),
        }
    }
}

impl Token for HidToken {
    fn enroll(&mut self) -> Result<Vec<u8>, TokenError> {
        let device = Self::device()?;
        let user = PublicKeyCredentialUserEntity::new(Some(USER.as_bytes()), Some(USER), Some(USER));
        let challenge = challenge();
        let args = MakeCredentialArgsBuilder::new(RELYING_PARTY, &challenge)
            .extensions(&[CredentialExtension::HmacSecret(Some(true))])
            .user_entity(&user);
        let args = match &self.pin {
            Some(pin) => args.pin(pin),
            None => args.without_pin_and_uv(),
        };
        let made =
            device.make_credential_with_args(&args.build()).map_err(|error| sorted(&error.to_string()))?;
        Ok(made.credential_descriptor.id)
    }

    fn hmac_secret(
        &mut self,
        credential: &[u8],
        salt: &[u8; 32],
    ) -> Result<Option<Zeroizing<[u8; 32]>>, TokenError> {
        let device = Self::device()?;
        if !Self::knows(&device, credential)? {
            return Ok(None);
        }
        let challenge = challenge();
        let args = GetAssertionArgsBuilder::new(RELYING_PARTY, &challenge)
            .extensions(&[AssertionExtension::HmacSecret(Some(*salt))])
            .credential_id(credential);
        let args = match &self.pin {
            Some(pin) => args.pin(pin),
            None => args.without_pin_and_uv(),
        };
        let answers =
            device.get_assertion_with_args(&args.build()).map_err(|error| sorted(&error.to_string()))?;
        let mut output = None;
        for extension in answers.into_iter().flat_map(|answer| answer.extensions) {
            if let AssertionExtension::HmacSecret(Some(mut secret)) = extension {
                output = Some(Zeroizing::new(secret));
                secret.zeroize();
            }
        }
        output.map(Some).ok_or_else(|| TokenError::Failed("it gave no hmac-secret".to_owned()))
    }
}

/// A challenge that nobody checks: what counts is the secret, not the signature.
fn challenge() -> [u8; 32] {
    let mut challenge = [0; 32];
    OsRng.fill_bytes(&mut challenge);
    challenge
}

/// The library's words, sorted by whether trying again can help.
fn sorted(text: &str) -> TokenError {
    if REFUSALS.iter().any(|code| text.contains(code)) {
        TokenError::Refused(text.to_owned())
    } else {
        TokenError::Failed(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_and_failures_are_told_apart_by_the_codes_of_ctap() {
        assert_eq!(sorted("err 0x31 CTAP2_ERR_PIN_INVALID   PIN Invalid.").label(), "token-refused");
        assert_eq!(sorted("err 0x2B CTAP2_ERR_UNSUPPORTED_OPTION").label(), "token-failed");
    }
}
