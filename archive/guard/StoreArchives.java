package todserve;

import java.io.File;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.pytorch.serve.archive.DownloadArchiveException;
import org.pytorch.serve.archive.model.InvalidModelException;
import org.pytorch.serve.archive.model.ModelNotFoundException;
import org.pytorch.serve.archive.utils.ArchiveUtils;
import org.pytorch.serve.archive.utils.InvalidArchiveURLException;

/**
 * What TorchServe asks about an archive's address, which here is a file's name in the model store.
 *
 * <p>TorchServe itself also takes a folder of the machine, wherever it lies, and no setting forbids
 * that: whoever may register a model could have any code loaded that somebody put there.
 */
public final class StoreArchives {
    private static final Pattern ARCHIVE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*\\.mar");

    private StoreArchives() {}

    /** The file's name, asked before anything else; the address is no other than that. */
    public static String getFilenameFromUrl(String address) throws ModelNotFoundException {
        if (!ARCHIVE.matcher(address).matches()) {
            throw new ModelNotFoundException(
                    "no archive of the model store is called so; expected the name of its file,"
                            + " such as tod.mar");
        }
        return ArchiveUtils.getFilenameFromUrl(address);
    }

    /** As TorchServe does. */
    public static boolean downloadArchive(
            List<String> allowed, File place, String name, String address, boolean encrypted)
            throws IOException, DownloadArchiveException, InvalidArchiveURLException {
        return ArchiveUtils.downloadArchive(allowed, place, name, address, encrypted);
    }

    /** As TorchServe does. */
    public static <T> T readFile(File file, Class<T> type)
            throws InvalidModelException, IOException {
        return ArchiveUtils.readFile(file, type);
    }

    /** As TorchServe does. */
    public static Map<String, Object> readYamlFile(File file)
            throws InvalidModelException, IOException {
        return ArchiveUtils.readYamlFile(file);
    }

    /** As TorchServe does. */
    public static boolean isValidURL(String address) {
        return ArchiveUtils.isValidURL(address);
    }
}
