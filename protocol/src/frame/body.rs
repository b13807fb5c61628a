//! The byte layout of each kind of frame. All integers are big-endian.

use super::{
    DocumentPart, FRAME_VERSION, Frame, FrameRefusal, LABEL_LEN_MAX, REFUSED_TEXT_LEN_MAX, ResumeToken,
};
use crate::ident::SessionAddress;
use crate::limits::{FRAME_BODY_LEN, FRAME_HEADER_LEN, FRAME_LEN, PAYLOAD_LEN};
use crate::sphinx::{Packet, SurbId};

const DUMMY: u8 = 0;
const PACKET: u8 = 1;
const SESSION_OPEN: u8 = 2;
const SESSION_OPENED: u8 = 3;
const DELIVERY: u8 = 4;
const CONSENSUS_GET: u8 = 5;
const DOCUMENT_PART: u8 = 6;
const ACCEPTED: u8 = 7;
const REFUSED: u8 = 8;

const NEW_SESSION: u8 = 0;
const RESUMED_SESSION: u8 = 1;

/// The header of every packet's frame, whose body is full.
pub(super) const PACKET_HEADER: [u8; FRAME_HEADER_LEN] = {
    let [.., high, low] = FRAME_BODY_LEN.to_be_bytes();
    [FRAME_VERSION, PACKET, high, low]
};

const ZEROS: [u8; FRAME_BODY_LEN] = [0; FRAME_BODY_LEN];

pub(super) fn encode(frame: &Frame) -> Box<[u8; FRAME_LEN]> {
    let mut out = Out { bytes: Box::new([0; FRAME_LEN]), end: FRAME_HEADER_LEN };
    let kind = match frame {
        Frame::Dummy => DUMMY,
        Frame::Packet(packet) => {
            out.put(packet.as_bytes());
            PACKET
        }
        Frame::SessionOpen { class, resume } => {
            out.put(&[*class]);
            match resume {
                None => out.put(&[NEW_SESSION]),
                Some((session, token)) => {
                    out.put(&[RESUMED_SESSION]);
                    out.put(session.as_bytes());
                    out.put(token.as_bytes());
                }
            }
            SESSION_OPEN
        }
        Frame::SessionOpened { session, token, resumable_s } => {
            out.put(session.as_bytes());
            out.put(token.as_bytes());
            out.put(&resumable_s.to_be_bytes());
            SESSION_OPENED
        }
        Frame::Delivery { surb_id, payload } => {
            out.put(surb_id.as_bytes());
            out.put(payload.as_slice());
            DELIVERY
        }
        Frame::ConsensusGet => CONSENSUS_GET,
        Frame::DocumentPart(part) => {
            out.put(&part.header());
            out.put(part.bytes());
            DOCUMENT_PART
        }
        Frame::Accepted => ACCEPTED,
        Frame::Refused { label, text } => {
            let label = allowed_label(label);
            out.put(&[u8::try_from(label.len()).unwrap_or(0)]);
            out.put(label.as_bytes());
            out.put(allowed_text(text).as_bytes());
            REFUSED
        }
    };
    out.finish(kind)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Frame, FrameRefusal> {
    let bytes: &[u8; FRAME_LEN] =
        bytes.try_into().map_err(|_| FrameRefusal::Length { len: bytes.len(), len_max: FRAME_LEN })?;
    let Some(([version, kind, used_high, used_low], body)) = bytes.split_first_chunk::<FRAME_HEADER_LEN>()
    else {
        return Err(FrameRefusal::Length { len: bytes.len(), len_max: FRAME_LEN });
    };
    if *version != FRAME_VERSION {
        return Err(FrameRefusal::Version(*version));
    }
    if *kind > REFUSED {
        return Err(FrameRefusal::Kind(*kind));
    }
    let used = usize::from(u16::from_be_bytes([*used_high, *used_low]));
    let Some((body, padding)) = body.split_at_checked(used) else {
        return Err(FrameRefusal::Length { len: used, len_max: FRAME_BODY_LEN });
    };
    if ZEROS.get(..padding.len()) != Some(padding) {
        return Err(FrameRefusal::Padding);
    }
    decode_body(*kind, body)
}

fn decode_body(kind: u8, body: &[u8]) -> Result<Frame, FrameRefusal> {
    let mut rest = In(body);
    let frame = match kind {
        DUMMY => Frame::Dummy,
        PACKET => {
            let packet = Packet::from_slice(rest.all());
            Frame::Packet(packet.map_err(|_| FrameRefusal::Body("not the length of a packet"))?)
        }
        SESSION_OPEN => {
            let [class, resumed] = rest.take()?;
            let resume = match resumed {
                NEW_SESSION => None,
                RESUMED_SESSION => {
                    Some((SessionAddress::from_bytes(rest.take()?), ResumeToken::from_bytes(rest.take()?)))
                }
                _ => return Err(FrameRefusal::Body("neither a new nor a resumed session")),
            };
            Frame::SessionOpen { class, resume }
        }
        SESSION_OPENED => Frame::SessionOpened {
            session: SessionAddress::from_bytes(rest.take()?),
            token: ResumeToken::from_bytes(rest.take()?),
            resumable_s: u32::from_be_bytes(rest.take()?),
        },
        DELIVERY => {
            let surb_id = SurbId::from_bytes(rest.take()?);
            Frame::Delivery { surb_id, payload: Box::new(rest.take::<PAYLOAD_LEN>()?) }
        }
        CONSENSUS_GET => Frame::ConsensusGet,
        DOCUMENT_PART => Frame::DocumentPart(DocumentPart::from_body(rest.all())?),
        ACCEPTED => Frame::Accepted,
        REFUSED => {
            let [label_len] = rest.take()?;
            let label = rest.text(usize::from(label_len))?;
            let text = rest.text(rest.0.len())?;
            if label != allowed_label(&label) {
                return Err(FrameRefusal::Body("a label is 1 to 32 of a-z, 0-9 and -"));
            }
            if text != allowed_text(&text) {
                return Err(FrameRefusal::Body("a text is at most 200 bytes without control characters"));
            }
            Frame::Refused { label, text }
        }
        _ => return Err(FrameRefusal::Kind(kind)),
    };
    if rest.0.is_empty() { Ok(frame) } else { Err(FrameRefusal::Body("it is longer than its kind")) }
}

/// The label with what is not allowed replaced: for a label of this program, the label itself.
fn allowed_label(label: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }
    };
    let label: String = label.chars().take(LABEL_LEN_MAX).map(allowed).collect();
    if label.is_empty() { "-".to_owned() } else { label }
}

/// The text with control characters replaced and cut to the longest allowed whole character.
fn allowed_text(text: &str) -> String {
    let mut allowed = String::new();
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if allowed.len() + c.len_utf8() > REFUSED_TEXT_LEN_MAX {
            break;
        }
        allowed.push(c);
    }
    allowed
}

/// A frame being written.
struct Out {
    bytes: Box<[u8; FRAME_LEN]>,
    end: usize,
}

impl Out {
    /// Appends `part`; every kind's longest body fits by construction of its type.
    fn put(&mut self, part: &[u8]) {
        let end = self.end + part.len();
        if let Some(place) = self.bytes.get_mut(self.end..end) {
            place.copy_from_slice(part);
            self.end = end;
        }
    }

    fn finish(mut self, kind: u8) -> Box<[u8; FRAME_LEN]> {
        let used = u16::try_from(self.end - FRAME_HEADER_LEN).unwrap_or(u16::MAX);
        let [used_high, used_low] = used.to_be_bytes();
        if let Some(header) = self.bytes.first_chunk_mut() {
            *header = [FRAME_VERSION, kind, used_high, used_low];
        }
        self.bytes
    }
}

/// What is left of a body being read.
struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameRefusal> {
        let (part, rest) =
            self.0.split_first_chunk().ok_or(FrameRefusal::Body("it is shorter than its kind"))?;
        self.0 = rest;
        Ok(*part)
    }

    fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn text(&mut self, len: usize) -> Result<String, FrameRefusal> {
        let (part, rest) = self.0.split_at_checked(len).ok_or(FrameRefusal::Body("a text is cut off"))?;
        self.0 = rest;
        let text = str::from_utf8(part).map_err(|_| FrameRefusal::Body("a text is not UTF-8"))?;
        Ok(text.to_owned())
    }
}
