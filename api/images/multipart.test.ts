import { expect, test } from "vitest";
import { readBoundary, readParts } from "./multipart.ts";

const utf8 = new TextEncoder();

function toStream(text: string, chunkBytes: number): ReadableStream<Uint8Array> {
  const bytes = utf8.encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + chunkBytes));
      at += chunkBytes;
    },
  });
}

async function read(text: string, chunkBytes = 1000, maxBytes = 100_000) {
  const parts: [string, string][] = [];
  for await (
    const { name, body } of readParts(toStream(text, chunkBytes), { boundary: "B", maxBytes })
  ) {
    let content = "";
    for await (const piece of body) content += new TextDecoder().decode(piece);
    parts.push([name, content]);
  }
  return parts;
}

const part = (name: string, content: string) =>
  `--B\r\nContent-Disposition: form-data; name="${name}"; filename="../../x.png"\r\n` +
  `Content-Type: image/png\r\n\r\n${content}\r\n`;

test("readParts() finds the same parts however the body is cut", async () => {
  const tricky = "\r\n--\r\n--A\r\n-\r\r\n--\n--B--";
  const text = `preamble\r\n${part("one", tricky)}${part("image", "")}${
    part("z", "last")
  }--B--\r\nx`;
  for (const chunkBytes of [1, 2, 3, 7, 64, 10_000]) {
    expect(await read(text, chunkBytes)).toEqual([["one", tricky], ["image", ""], ["z", "last"]]);
  }
});

test("readParts() gives nothing for a form without parts", async () => {
  expect(await read("--B--\r\n")).toEqual([]);
});

test.each([
  ["tokens without quotes, as .NET writes them", "form-data; name=image; filename=a.jpg"],
  [
    "a second file name in an encoding",
    "form-data; name=image; filename=a.jpg; filename*=utf-8''%C3%A4.jpg",
  ],
  ["a file name with blanks and no quotes", "form-data; filename=my photo.jpg; name=image"],
  ["no file name", 'form-data; name="image"'],
  ["other cases", 'Form-Data; Name="image"; FILENAME="A.JPG"'],
  ["blanks wherever they fit", 'form-data ;  name = "image" ;filename = a.jpg '],
  ["no blanks at all", 'form-data;name="image";filename="a.jpg"'],
  ["a header folded onto two lines", 'form-data;\r\n\tname="image"'],
  ["an escape in a name", 'form-data; name="im\\age"'],
  ["a file name that looks like a name", 'form-data; filename="; name=\\"x\\"; y"; name=image'],
  ["a semicolon within quotes", 'form-data; filename="a;b.jpg"; name="image"'],
])("readParts() reads the field's name from %s", async (_what, disposition) => {
  const text = `--B \t\r\ncontent-type: x/y\r\nCONTENT-DISPOSITION:${disposition}\r\n` +
    "\r\nabc\r\n--B--";
  expect(await read(text, 3)).toEqual([["image", "abc"]]);
});

test("readParts() keeps escaped quotes of a name", async () => {
  const text = '--B\r\nContent-Disposition: form-data; name="im\\"age"\r\n\r\nabc\r\n--B--';
  expect(await read(text)).toEqual([['im"age', "abc"]]);
});

test.each([
  ["an empty body", ""],
  ["no last boundary", part("image", "abc")],
  ["a body cut inside a part", '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nabc'],
  ["something behind a boundary", "--Bxx\r\n"],
  ["a part without a name", "--B\r\nContent-Type: x/y\r\n\r\nabc\r\n--B--"],
  ["a name of another kind of header", `--B\r\nX-A: form-data; name="a"\r\n\r\nabc\r\n--B--`],
  ["another disposition", `--B\r\nContent-Disposition: file; name="a"\r\n\r\nabc\r\n--B--`],
  ["endless blanks behind a boundary", `--B${" ".repeat(20_000)}`],
  ["endless headers", `--B\r\n${"a".repeat(20_000)}`],
  ["too many parts", part("a", "").repeat(30) + "--B--"],
])("readParts() refuses %s", async (_what, text) => {
  await expect(read(text)).rejects.toMatchObject({ code: "BAD_REQUEST" });
});

test("readParts() stops at the byte limit and cancels the body", async () => {
  let isCancelled = false;
  let chunks = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      chunks += 1;
      controller.enqueue(
        utf8.encode(chunks === 1 ? part("image", "").slice(0, -2) : "x".repeat(1000)),
      );
    },
    cancel() {
      isCancelled = true;
    },
  });
  const drain = async () => {
    for await (const { body } of readParts(endless, { boundary: "B", maxBytes: 50_000 })) {
      for await (const _piece of body);
    }
  };
  await expect(drain()).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE", status: 413 });
  expect(isCancelled).toBe(true);
  expect(chunks).toBeLessThan(60);
});

test("readBoundary() reads bare and quoted boundaries and refuses other types", () => {
  expect(readBoundary("multipart/form-data; boundary=----x123")).toBe("----x123");
  expect(readBoundary(`Multipart/Form-Data; charset=utf-8; boundary="a b"`)).toBe("a b");
  expect(readBoundary(`multipart/form-data ;BOUNDARY = "a;b"; charset=utf-8`)).toBe("a;b");
  for (
    const wrong of [
      undefined,
      "image/png",
      "multipart/form-data",
      "multipart/form-data; boundary=",
      `multipart/form-data; boundary=${"a".repeat(71)}`,
      `multipart/form-data; charset="; boundary=a"`,
      "multipart/mixed; boundary=a",
    ]
  ) {
    expect(() => readBoundary(wrong)).toThrow("UNSUPPORTED_MEDIA_TYPE");
  }
});
