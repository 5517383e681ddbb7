package todserve;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import java.util.Arrays;
import java.util.Map;

/**
 * Puts GuardedRequests where TorchServe gathers the parts of a request, on each of its HTTP ports,
 * and StoreArchives where it looks for an archive that it is to load, whoever asks and however.
 *
 * <p>TorchServe has no setting and no place for a plugin there, so one name is changed in each
 * class that says so, while it is loaded: {@code -javaagent:archive/page_guard.jar} among the
 * vmargs of config.properties. Names of your own that requests may come under follow after a
 * {@code =}, with commas between.
 */
public final class PageGuard {
    /** Their class -> the class named in it, and ours that takes its place. */
    private static final Map<String, String[]> CHANGED =
            Map.of(
                    "org/pytorch/serve/ServerInitializer",
                    new String[] {
                        "io/netty/handler/codec/http/HttpObjectAggregator",
                        "todserve/GuardedRequests"
                    },
                    "org/pytorch/serve/archive/model/ModelArchive",
                    new String[] {
                        "org/pytorch/serve/archive/utils/ArchiveUtils", "todserve/StoreArchives"
                    });
    /** Tags of a class file's constants, and how many bytes follow each. */
    private static final int TEXT = 1;

    private static final int[] LENGTHS = {
        0, 0, 0, 4, 4, 8, 8, 2, 2, 4, 4, 4, 4, 0, 0, 3, 2, 4, 4, 2, 2
    };

    private PageGuard() {}

    /** Called by Java before TorchServe begins. */
    public static void premain(String names, Instrumentation java) {
        GuardNames.own = names == null ? new String[0] : names.toLowerCase().split(",");
        java.addTransformer(new Renaming());
    }

    private static final class Renaming implements ClassFileTransformer {
        @Override
        public byte[] transform(
                ClassLoader loader,
                String name,
                Class<?> before,
                ProtectionDomain domain,
                byte[] code) {
            String[] change = name == null ? null : CHANGED.get(name);
            if (change == null) {
                return null;
            }
            try {
                return renamed(code, change[0], change[1]);
            } catch (IOException | RuntimeException error) {
                // Java would load the class unchanged, and what is guarded would be open.
                System.err.println("page guard: this TorchServe is not one it knows: " + error);
                Runtime.getRuntime().halt(1);
                return null;
            }
        }
    }

    private static byte[] renamed(byte[] code, String theirs, String ours) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(code));
        ByteArrayOutputStream made = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(made);
        out.writeLong(in.readLong()); // magic number and version
        int count = in.readUnsignedShort();
        out.writeShort(count);
        int changed = 0;
        for (int index = 1; index < count; index++) {
            int tag = in.readUnsignedByte();
            out.writeByte(tag);
            if (tag == TEXT) {
                String text = in.readUTF();
                changed += text.equals(theirs) ? 1 : 0;
                out.writeUTF(text.equals(theirs) ? ours : text);
                continue;
            }
            byte[] rest = new byte[LENGTHS[tag]];
            in.readFully(rest);
            out.write(rest);
            if (rest.length == 8) {
                index++; // a long or a double counts twice
            }
        }
        if (changed != 1) {
            throw new IOException(theirs + " is named " + changed + " times, expected once");
        }
        int left = in.available();
        out.write(Arrays.copyOfRange(code, code.length - left, code.length));
        return made.toByteArray();
    }
}
