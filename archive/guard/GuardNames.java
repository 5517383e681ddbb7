package todserve;

import java.util.Arrays;
import java.util.regex.Pattern;

/** Tells the names of this machine from those that a web page brought along. */
final class GuardNames {
    /** Names beside this machine's own, in small letters. */
    static volatile String[] own = {};

    /** No domain is made of numbers alone, so nobody else can have one of these. */
    private static final Pattern LOOPBACK =
            Pattern.compile("localhost|127(\\.[0-9]{1,3}){1,3}|\\[::1\\]");

    private static final Pattern PORT = Pattern.compile(":[0-9]*$");

    private GuardNames() {}

    /** Whether a {@code Host}, with or without a port, means this machine. */
    static boolean ours(String host) {
        String name = PORT.matcher(host.trim().toLowerCase()).replaceFirst("");
        return LOOPBACK.matcher(name).matches() || Arrays.asList(own).contains(name);
    }

    /** Whether an {@code Origin} is a page of this machine. */
    static boolean oursAsOrigin(String origin) {
        String[] parts = origin.trim().split("://", 2);
        return parts.length == 2 && parts[0].matches("(?i)https?") && ours(parts[1]);
    }
}
