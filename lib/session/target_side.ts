// The session of a side whose half is the target: what the source says, handed to our half by list_intake.ts and content_intake.ts; and the proxy
// of the source, which encodes our half's wishes. Made by WireSession. Promises: our half sees only lists that PROTOCOL.md section 7
// allows, and only content that it wanted, once.

import { assert } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import { CHECK_PATHS, FRAME_BYTES } from "../base/limits.ts";
import { decodeChecked, decodeSourceDone } from "../wire/content_codec.ts";
import { Message, PLACED_INDEXES, WANT_INDEXES } from "../wire/messages.ts";
import {
  encodeCheck,
  encodeDescend,
  encodeFine,
  encodePlaced,
  encodeReady,
  encodeSignature,
  encodeWant,
} from "../wire/wish_codec.ts";
import { CheckParts } from "./check_parts.ts";
import { ContentIntake } from "./content_intake.ts";
import { broken, type InHand, type SessionCore } from "./core.ts";
import { ListIntake } from "./list_intake.ts";
import type { SignatureHead, SourcePort, TargetPort, TreeOffer, Wait, WantKind } from "./ports.ts";

export class TargetSide implements SourcePort {
  readonly #core: SessionCore;
  readonly #list: FileList;
  #half: TargetPort | null = null;
  readonly #listIntake: ListIntake;
  readonly #content: ContentIntake;
  #isReady = false;
  #isWantEnded = false;
  /** Of the signature that is going out. */
  #basisBytes = 0;
  readonly #checks: CheckParts;

  constructor(core: SessionCore, list: FileList) {
    this.#core = core;
    this.#list = list;
    this.#listIntake = new ListIntake(core, list);
    this.#content = new ContentIntake(core, list);
    this.#checks = new CheckParts(CHECK_PATHS, FRAME_BYTES);
  }

  attach(half: TargetPort): void {
    assert(this.#half === null && this.#list.count === 0, "one target half is attached, with an empty list");
    this.#half = this.#listIntake.half = this.#content.half = half;
  }

  /** The file that is coming, or the first that was wanted and did not. */
  inHand(): InHand | null {
    const index = this.#content.inHand;
    return index < 0 ? null : { path: this.#list.path(index), isSent: false };
  }

  // What our half says to the source.

  ready(streaming: boolean, trees: TreeOffer | null = null): Wait {
    this.#core.guard();
    this.#isReady = true;
    this.#content.isStreaming = streaming;
    this.#listIntake.wantsSubtrees = trees !== null;
    encodeReady(this.#core.outbox.control(Message.ready), { streaming, trees });
    return this.#core.outbox.controlEnd();
  }

  descend(differs: Uint8Array): Wait {
    this.#core.guard();
    const count = this.#listIntake.compared(differs);
    encodeDescend(this.#core.outbox.control(Message.descend), count, differs);
    return this.#core.outbox.controlEnd();
  }

  want(indexes: Uint32Array, kind: WantKind): Wait {
    this.#core.guard();
    assert(this.#isReady && (kind.redo || !this.#content.isStreaming), "in a streaming session only a redo is wanted");
    let wait: Wait;
    for (let from = 0; from < indexes.length; from += WANT_INDEXES) {
      const to = Math.min(indexes.length, from + WANT_INDEXES);
      encodeWant(this.#core.outbox.control(Message.want), indexes, from, to, kind);
      wait = this.#core.outbox.controlEnd();
    }
    this.#content.wanted(indexes);
    return wait;
  }

  signature(index: number, head: SignatureHead | null, isLast: boolean, records: Uint8Array): Wait {
    this.#core.guard();
    if (head !== null) this.#basisBytes = head.basisBytes;
    if (isLast) this.#content.bases.signed(index, this.#basisBytes, this.#list.size(index));
    encodeSignature(this.#core.outbox.control(Message.signature), index, head, isLast, records);
    return this.#core.outbox.controlEnd();
  }

  fine(index: number, isLast: boolean, records: Uint8Array): Wait {
    this.#core.guard();
    encodeFine(this.#core.outbox.control(Message.fine), index, isLast, records);
    return this.#core.outbox.controlEnd();
  }

  placed(indexes: Uint32Array): Wait {
    this.#core.guard();
    this.#core.state.isPastWants = true;
    let wait: Wait;
    for (let from = 0; from < indexes.length; from += PLACED_INDEXES) {
      encodePlaced(this.#core.outbox.control(Message.placed), indexes.subarray(from, from + PLACED_INDEXES));
      wait = this.#core.outbox.controlEnd();
    }
    return wait;
  }

  wantEnd(): Wait {
    this.#core.guard();
    assert(this.#content.isAllAnswered(this.#listIntake.files), "the wishes end when all are answered");
    if (!this.#core.state.deletes) {
      // Whether the source had errors counts for deletions only: it need not be asked, and a round trip is saved.
      this.#core.state.phase = "target check";
      return this.#half!.sourceDone(false);
    }
    this.#isWantEnded = this.#core.state.isPastWants = true;
    this.#core.outbox.control(Message.wantEnd);
    return this.#core.outbox.controlEnd();
  }

  check(paths: Uint8Array[]): Wait {
    this.#core.guard();
    return this.#sendCheck(this.#checks.begin(paths));
  }

  #sendCheck(part: Uint8Array[]): Wait {
    encodeCheck(this.#core.outbox.control(Message.check), part);
    return this.#core.outbox.controlEnd();
  }

  // What the source says to our half.

  receive(type: number): Wait {
    switch (type) {
      case Message.roots:
      case Message.account:
      case Message.attributes:
      case Message.plan:
      case Message.list:
      case Message.subtrees:
      case Message.missing:
      case Message.listEnd:
        return this.#listIntake.receive(type);
      case Message.sourceDone:
        return this.#receiveSourceDone();
      case Message.checked:
        return this.#receiveChecked();
      default:
        return this.#content.receive(type);
    }
  }

  #receiveSourceDone(): Wait {
    const errors = decodeSourceDone(this.#core.reader);
    if (!this.#isWantEnded) broken("SOURCE_DONE before WANT_END was sent");
    this.#core.state.phase = "target check";
    return this.#half!.sourceDone(errors);
  }

  #receiveChecked(): Wait {
    if (!this.#checks.isOpen) broken("CHECKED without a CHECK");
    const absent = this.#checks.answer(decodeChecked(this.#core.reader, this.#checks.partLength));
    if (absent !== null) return this.#half!.checked(absent);
    return this.#sendCheck(this.#checks.next());
  }
}
