// Splitting: how a session's stream comes to be carried by several connections (PROTOCOL.md section 13). Owned by the session. The client asks
// for them and begins; the agent answers each word once. Promises: until then the stream is one connection's, byte for byte; nothing waits
// for a further connection; a peer that asks twice, or splits what was not to be split, is refused.

import type { ByteReader } from "../base/codec.ts";
import { Gate } from "../base/gate.ts";
import { LANE_BEAT_MS, LANE_TOKEN_BYTES } from "../base/limits.ts";
import type { ByteSink, ByteSource } from "../os/streams.ts";
import { type LaneLoss, Lanes, type LaneStreams } from "../transport/lanes.ts";
import { decodeEmpty } from "../wire/event_codec.ts";
import {
  decodeLanesAsked,
  decodeLanesOffered,
  encodeLanesAsked,
  encodeLanesOffered,
  type LaneOffer,
} from "../wire/lane_codec.ts";
import { Message } from "../wire/messages.ts";
import { broken } from "./core.ts";
import type { SessionSide } from "./hello.ts";
import type { SessionClock } from "./keepalive.ts";
import type { Outbox } from "./outbox.ts";

/** The agent's answer where it takes no further connections. */
export const NO_LANES: LaneOffer = { place: new Uint8Array(LANE_TOKEN_BYTES), tokens: [] };

export class Splitting {
  /** The agent: makes room for so many connections. */
  onAsked: (count: number) => Promise<LaneOffer> = () => Promise.resolve(NO_LANES);
  /** A connection ended while others stand. */
  onLost: (why: LaneLoss) => void = () => {};
  readonly #side: SessionSide;
  readonly #outbox: Outbox;
  readonly #first: { sink: ByteSink; end(): void };
  readonly #clock: SessionClock;
  #stopBeats = () => {};
  #lanes: Lanes | null = null;
  /** How many were asked for; 0: none yet. */
  #asked = 0;
  #offer: Gate<LaneOffer> | null = null;
  #hasSplit = false;
  #peerHasSplit = false;

  /** `first`: the connection that there is. */
  constructor(side: SessionSide, outbox: Outbox, clock: SessionClock, first: { sink: ByteSink; end(): void }) {
    this.#clock = clock;
    this.#side = side;
    this.#outbox = outbox;
    this.#first = first;
  }

  /** The most connections at a time so far. */
  get most(): number {
    return this.#lanes?.most ?? 1;
  }

  /** The client: asks for so many more, once in a session. `offer` opens with the answer. */
  ask(count: number, offer: Gate<LaneOffer>): void {
    this.#asked = count;
    this.#offer = offer;
    encodeLanesAsked(this.#outbox.control(Message.lanes), count);
    this.#outbox.controlEnd();
  }

  /** Takes a connection in that both sides know of. The client's first one splits the stream. */
  add(streams: LaneStreams): void {
    if (this.#side === "client") this.#split();
    this.#theLanes().add(streams);
  }

  /** The session is over: nothing is judged or said by itself any more. */
  stop(): void {
    this.#stopBeats();
  }

  /** Says on every connection that nothing follows. */
  close(): void {
    if (this.#lanes === null) this.#first.sink.close();
    else this.#lanes.close();
  }

  /** Ends every connection. */
  end(): void {
    if (this.#lanes === null) this.#first.end();
    else this.#lanes.end();
  }

  /** LANES. */
  receive(reader: ByteReader): void {
    if (this.#side === "client") {
      const offer = this.#offer;
      if (offer === null) broken("LANES came unasked");
      this.#offer = null;
      offer.open(decodeLanesOffered(reader, this.#asked));
    } else {
      if (this.#asked > 0) broken("LANES came a second time");
      this.#asked = decodeLanesAsked(reader);
      this.onAsked(this.#asked).then((offer) => this.#answer(offer), () => this.#answer(NO_LANES));
    }
  }

  #answer(offer: LaneOffer): void {
    encodeLanesOffered(this.#outbox.control(Message.lanes), offer);
    this.#outbox.controlEnd();
  }

  /** SPLIT: what follows it on the first connection comes from `rest`. Returns where the session now reads. */
  receiveSplit(reader: ByteReader, rest: () => ByteSource): ByteSource {
    decodeEmpty(reader, "SPLIT");
    if (this.#peerHasSplit) broken("SPLIT came a second time");
    if (this.#side === "client" && !this.#hasSplit) broken("SPLIT came unasked");
    this.#peerHasSplit = true;
    if (this.#side === "agent") this.#split();
    const lanes = this.#theLanes();
    lanes.readFirst(rest());
    return lanes;
  }

  #split(): void {
    if (this.#hasSplit) return;
    this.#hasSplit = true;
    const lanes = this.#theLanes();
    this.#outbox.split(() => {
      lanes.openFirst();
      return lanes;
    });
  }

  #theLanes(): Lanes {
    if (this.#lanes !== null) return this.#lanes;
    const lanes = this.#lanes = new Lanes(this.#first);
    lanes.onLost = (why) => this.onLost(why);
    this.#stopBeats = this.#clock.every(LANE_BEAT_MS, () => lanes.beat());
    return lanes;
  }
}
