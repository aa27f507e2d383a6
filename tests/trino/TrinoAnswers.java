import com.fasterxml.jackson.databind.ObjectMapper;
import io.trino.Session;
import io.trino.plugin.memory.MemoryPlugin;
import io.trino.spi.type.TimeZoneKey;
import io.trino.testing.LocalQueryRunner;
import io.trino.testing.MaterializedResult;
import io.trino.testing.MaterializedRow;
import io.trino.testing.TestingSession;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Asks Trino the queries of a folder and records its answers: TrinoAnswers TABLES QUERIES ANSWERS.
 */
public class TrinoAnswers {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Rows of one INSERT; the events are literals in it. */
    private static final int BATCH_ROWS = 300;

    private static final String TEXTS = Stream.of(
                    "eventversion", "eventsource", "eventname", "awsregion", "sourceipaddress", "useragent", "errorcode",
                    "errormessage", "requestid", "eventid", "eventtype", "apiversion", "recipientaccountid",
                    "sharedeventid", "vpcendpointid", "eventcategory", "region", "\"year\"", "\"month\"", "\"day\"",
                    "\"timestamp\"", "account")
            .map(name -> name + " varchar").collect(Collectors.joining(", "));

    private static final String IDENTITY = "useridentity ROW(type varchar, principalid varchar, arn varchar, "
            + "accountid varchar, invokedby varchar, accesskeyid varchar, username varchar, sessioncontext ROW("
            + "attributes ROW(mfaauthenticated varchar, creationdate varchar), sessionissuer ROW(type varchar, "
            + "principalid varchar, arn varchar, accountid varchar, username varchar)))";

    private static final String ATHENA = TEXTS + ", " + IDENTITY + ", eventtime varchar, readonly varchar, "
            + "managementevent varchar, requestparameters varchar, responseelements varchar, "
            + "additionaleventdata varchar, serviceeventdetails varchar, "
            + "resources ARRAY(ROW(arn varchar, accountid varchar, type varchar))";

    private static final String LAKE = TEXTS + ", " + IDENTITY + ", eventtime timestamp(3), readonly boolean, "
            + "managementevent boolean, requestparameters MAP(varchar, varchar), responseelements MAP(varchar, varchar), "
            + "additionaleventdata MAP(varchar, varchar), serviceeventdetails MAP(varchar, varchar), "
            + "resources ARRAY(ROW(arn varchar, accountid varchar, type varchar))";

    public static void main(String[] args) throws Exception {
        Session session = TestingSession.testSessionBuilder()
                .setCatalog("memory").setSchema("default").setTimeZoneKey(TimeZoneKey.UTC_KEY).build();
        try (LocalQueryRunner trino = LocalQueryRunner.create(session)) {
            trino.installPlugin(new MemoryPlugin());
            trino.createCatalog("memory", "memory", Map.of("memory.max-data-per-node", "1GB"));
            load(trino, "cloudtrail_logs", ATHENA, Path.of(args[0]));
            load(trino, "lake_events", LAKE, Path.of(args[0]));
            try (Stream<Path> files = Files.list(Path.of(args[1]))) {
                for (Path file : files.filter(path -> path.toString().endsWith(".sql")).sorted().toList()) {
                    answer(trino, file, Path.of(args[2]));
                }
            }
        }
        System.exit(0);
    }

    private static void load(LocalQueryRunner trino, String table, String columns, Path folder) throws Exception {
        List<String> lines = Files.readAllLines(folder.resolve(table + ".jsonl"));
        String row = "ROW(" + columns.replace("\"", "") + ")";
        // JSON has no times; they come as text first.
        String parsed = "CAST(json_parse(line) AS " + row.replace("timestamp(3)", "varchar") + ")";
        for (int start = 0; start < lines.size(); start += BATCH_ROWS) {
            // One literal, cut by Trino itself: planning VALUES of many rows takes seconds.
            String batch = String.join("\n", lines.subList(start, Math.min(start + BATCH_ROWS, lines.size())));
            String target = start == 0 ? "CREATE TABLE " + table + " AS " : "INSERT INTO " + table + " ";
            trino.execute(target + "SELECT r.* FROM UNNEST(split('" + batch.replace("'", "''") + "', chr(10))) AS v(line) "
                    + "CROSS JOIN UNNEST(ARRAY[CAST(" + parsed + " AS " + row + ")]) AS r");
        }
    }

    private static void answer(LocalQueryRunner trino, Path queries, Path answers) throws Exception {
        List<String> lines = new ArrayList<>();
        int failed = 0;
        for (String sql : Files.readString(queries).split(";\\s*\\n")) {
            String bare = sql.replaceAll("(?m)^--.*\\n", "").trim();
            if (bare.isEmpty()) {
                continue;
            }
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("sql", bare);
            try {
                MaterializedResult result = trino.execute(bare);
                line.put("types", result.getTypes().stream().map(Object::toString).toList());
                line.put("rows", result.getMaterializedRows().stream().map(TrinoAnswers::plain).toList());
            } catch (RuntimeException error) {
                failed++;
                line.put("error", String.valueOf(error.getMessage()));
            }
            lines.add(JSON.writeValueAsString(line));
        }
        String name = queries.getFileName().toString().replace(".sql", ".jsonl");
        Files.write(answers.resolve(name), lines);
        System.err.println(name + ": " + lines.size() + " queries, " + failed + " of them errors");
    }

    /** Values as JSON has them; everything else as Trino prints it. */
    private static Object plain(Object value) {
        if (value == null || value instanceof Boolean || value instanceof Number && !(value instanceof java.math.BigDecimal)) {
            return value instanceof Double number && (number.isNaN() || number.isInfinite()) ? number.toString() : value;
        }
        if (value instanceof MaterializedRow row) {
            return row.getFields().stream().map(TrinoAnswers::plain).collect(Collectors.toCollection(ArrayList::new));
        }
        if (value instanceof List<?> list) {
            return list.stream().map(TrinoAnswers::plain).collect(Collectors.toCollection(ArrayList::new));
        }
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> plain = new LinkedHashMap<>();
            map.forEach((key, member) -> plain.put(String.valueOf(key), plain(member)));
            return plain;
        }
        return value.toString();
    }
}
