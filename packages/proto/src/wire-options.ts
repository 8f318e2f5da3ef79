// How protobufjs reads: set before the generated code loads, because that code asks once.
import protobuf from "protobufjs/minimal.js";

// 64-bit integers are JavaScript numbers, exact up to 2^53, as the generated types say; not objects of the package "long".
protobuf.util.Long = null as unknown as typeof protobuf.util.Long;
protobuf.configure();

// An older reader keeps what a newer writer added: unknown fields are re-encoded as they came.
protobuf.Reader.discardUnknown = false;
