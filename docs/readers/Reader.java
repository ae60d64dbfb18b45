import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Reads snapshots of refresh-sidecar with the JDK alone (17 or later). README.md beside this file says what a reader has to do.
 *
 * <pre>
 * java Reader.java --follow FILE    looks at a file again and again, and prints what is new
 * java Reader.java FILE...          looks at these files as if each had taken the place of the one before it; -- begins anew
 * </pre>
 */
public final class Reader {
    private static final int LIMIT = 64 << 20; // bytes; no sidecar writes more
    private static final int POLL = 5; // seconds

    /** What the reader takes of a snapshot. */
    record Snapshot(String epoch, long generation, String checksum, int targets, String digest) {}

    /** A file that must not be accepted; the message is the reason. */
    static final class Refused extends Exception {
        Refused(String reason) { super(reason); }
    }

    private Snapshot held; // what was accepted last; null: nothing yet

    /** Looks at the file once, and returns what came of it, a line of JSON. */
    String look(Path path) {
        String result;
        try {
            Snapshot next = decode(read(path));
            if (held != null && next.epoch.equals(held.epoch) && (next.generation < held.generation
                    || next.generation == held.generation && !next.checksum.equals(held.checksum))) {
                throw new Refused("rollback");
            }
            held = next;
            result = "\"outcome\":\"accept\"";
        } catch (Refused refused) {
            result = "\"outcome\":\"%s\",\"reason\":\"%s\"".formatted(held == null ? "refuse" : "keep", refused.getMessage());
        }
        return held == null ? "{" + result + "}" : "{%s,\"generation\":%d,\"targets\":%d,\"digest\":\"%s\"}"
            .formatted(result, held.generation, held.targets, held.digest);
    }

    private static byte[] read(Path path) throws Refused {
        if (Files.exists(path) && !Files.isRegularFile(path)) throw new Refused("not_regular"); // opening a FIFO would wait for its writer
        try (var file = Files.newInputStream(path)) {
            byte[] data = file.readNBytes(LIMIT + 1);
            if (data.length > LIMIT) throw new Refused("too_large");
            return data;
        } catch (NoSuchFileException missing) {
            throw new Refused("missing");
        } catch (IOException failure) {
            throw new Refused("io");
        }
    }

    /** Returns the checksum of the raw lines. Targets that a library writes again are other bytes: 1.10 becomes 1.1. */
    private static String checksum(byte[] data) throws Refused {
        String text = new String(data, StandardCharsets.ISO_8859_1); // a character for each byte
        String before = "\n  \"targets\": [";
        int begin = text.indexOf(before) + before.length();
        int end = text.startsWith("],\n", begin) ? begin : text.indexOf("\n  ],\n", begin);
        if (begin < before.length() || end < 0) throw new Refused("schema");
        return "sha256:" + sha256(("[" + text.substring(begin, end).replace("\n    ", "") + "]").getBytes(StandardCharsets.ISO_8859_1));
    }

    private static Snapshot decode(byte[] data) throws Refused {
        Object root;
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(data)).toString(); // refuses what is not UTF-8
            if (text.isBlank()) throw new Refused("empty");
            root = new Json(text).document();
        } catch (CharacterCodingException | IndexOutOfBoundsException | IllegalArgumentException | StackOverflowError broken) {
            throw new Refused("syntax");
        }
        try {
            var doc = (Map<?, ?>) root;
            int version = ((Number) doc.get("schema_version")).intValue();
            if (version > 1) throw new Refused("unsupported_version");
            String sum = checksum(data);
            if (version != 1) throw new Refused("schema");
            if (!sum.equals(doc.get("checksum"))) throw new Refused("checksum");
            long generation = ((Number) doc.get("generation")).longValue();
            var list = (List<?>) doc.get("targets");
            return new Snapshot(doc.get("epoch").toString(), generation, sum, list.size(), digest(list));
        } catch (ClassCastException | NullPointerException missing) {
            throw new Refused("schema");
        }
    }

    /** Returns the digest by which the kit sees that the targets were read right. */
    private static String digest(List<?> targets) throws Refused {
        var text = new StringBuilder();
        String last = "";
        for (Object item : targets) {
            var target = (Map<?, ?>) item;
            String name = (String) target.get("name");
            if (name.compareTo(last) <= 0) throw new Refused("schema"); // names are ascending, and there once
            last = name;
            text.append("%s %s %s %s %s\n".formatted(name, target.get("type"), target.get("url"), target.get("format"), target.get("enabled")));
            new TreeMap<>((Map<?, ?>) target.get("headers")).forEach((header, value) -> text.append(header + ": " + value + "\n"));
        }
        return sha256(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static String sha256(byte[] data) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible); // every JDK has SHA-256
        }
    }

    /** A parser of JSON. An app takes its library here, and tells it to refuse keys that are there twice. */
    private static final class Json {
        private final String text;
        private int at;

        Json(String text) { this.text = text; }

        Object document() throws Refused {
            Object value = value();
            blanks();
            if (at < text.length()) throw new IllegalArgumentException();
            return value;
        }

        private Object value() throws Refused {
            blanks();
            switch (text.charAt(at)) {
                case '{': {
                    var object = new HashMap<String, Object>();
                    for (boolean more = first('}'); more; more = next('}')) {
                        blanks();
                        String key = string();
                        require(':');
                        if (object.containsKey(key)) throw new Refused("schema");
                        object.put(key, value());
                    }
                    return object;
                }
                case '[': {
                    var array = new ArrayList<Object>();
                    for (boolean more = first(']'); more; more = next(']')) array.add(value());
                    return array;
                }
                case '"': return string();
                default: return word();
            }
        }

        private Object word() {
            int begin = at;
            while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
            String word = text.substring(begin, at);
            switch (word) {
                case "true": return true;
                case "false": return false;
                case "null": return null;
                default:
            }
            if (!word.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?")) throw new IllegalArgumentException();
            return word.matches("-?[0-9]{1,18}") ? (Object) Long.valueOf(word) : word; // others as written: a double would lose digits
        }

        private String string() {
            require('"');
            var out = new StringBuilder();
            for (char c; (c = text.charAt(at++)) != '"'; ) {
                if (c < ' ') throw new IllegalArgumentException();
                if (c == '\\') {
                    c = text.charAt(at++);
                    int escape = "\"\\/bfnrtu".indexOf(c);
                    if (escape < 0) throw new IllegalArgumentException();
                    if (c == 'u') c = (char) HexFormat.fromHexDigits(text, at, at += 4);
                    else c = "\"\\/\b\f\n\r\t".charAt(escape);
                }
                out.append(c);
            }
            return out.toString();
        }

        private void blanks() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
        }

        private boolean first(char end) {
            at++;
            blanks();
            if (text.charAt(at) != end) return true;
            at++;
            return false;
        }

        private boolean next(char end) {
            blanks();
            char c = text.charAt(at++);
            if (c != ',' && c != end) throw new IllegalArgumentException();
            return c == ',';
        }

        private void require(char c) {
            blanks();
            if (text.charAt(at++) != c) throw new IllegalArgumentException();
        }
    }

    private static void follow(Path path) throws IOException, InterruptedException {
        Path directory = path.toAbsolutePath().getParent(); // the directory: a watch of the file would stay with the first one
        var reader = new Reader();
        String last = "";
        try (WatchService events = directory.getFileSystem().newWatchService()) {
            directory.register(events, StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_DELETE, StandardWatchEventKinds.ENTRY_MODIFY);
            while (true) {
                String line = reader.look(path);
                if (!line.equals(last)) System.out.println(line);
                last = line;
                WatchKey key = events.poll(POLL, TimeUnit.SECONDS); // without an event the file is looked at all the same
                if (key != null) {
                    key.pollEvents();
                    key.reset();
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 2 && args[0].equals("--follow")) follow(Path.of(args[1]));
        var reader = new Reader();
        for (String path : args) {
            if (path.equals("--")) reader = new Reader();
            else System.out.println(reader.look(Path.of(path)));
        }
    }
}
