package todserve;

import static io.netty.handler.codec.http.HttpHeaderNames.CONNECTION;
import static io.netty.handler.codec.http.HttpHeaderNames.CONTENT_LENGTH;
import static io.netty.handler.codec.http.HttpHeaderNames.CONTENT_TYPE;
import static io.netty.handler.codec.http.HttpHeaderNames.HOST;
import static io.netty.handler.codec.http.HttpHeaderNames.ORIGIN;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import org.pytorch.serve.util.ConfigManager;

/**
 * Gathers requests as TorchServe does, and refuses those of foreign pages while tokens are off.
 *
 * <p>A page whose name was made to mean 127.0.0.1 comes with that name as {@code Host}; any other
 * page with its own as {@code Origin}, or, where the browser sends none, marked as cross-site.
 */
public final class GuardedRequests extends HttpObjectAggregator {
    private static final boolean OPEN =
            ConfigManager.getInstance().getDisableTokenAuthorization();
    private static final byte[] REFUSAL =
            ("{\"code\": 403, \"type\": \"ForeignPageException\", \"message\": \"the request names"
                            + " another machine as its Host or comes from a page of one; expected"
                            + " localhost or 127.0.0.1; for a name of your own write it after"
                            + " page_guard.jar= in config.properties, or turn tokens on\"}\n")
                    .getBytes(StandardCharsets.US_ASCII);

    private boolean refused;

    /** As TorchServe makes it: with the most bytes that a body may have. */
    public GuardedRequests(int size) {
        super(size);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
        if (!refused && OPEN && message instanceof HttpRequest) {
            refused = foreign((HttpRequest) message);
            if (refused) {
                refuse(context);
            }
        }
        if (!refused) {
            super.channelRead(context, message);
            return;
        }
        // Closed before its body has been read, the answer could be lost on the way.
        if (message instanceof LastHttpContent) {
            context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
        }
        ReferenceCountUtil.release(message);
    }

    private static boolean foreign(HttpRequest request) {
        HttpHeaders headers = request.headers();
        return !headers.getAll(HOST).stream().allMatch(GuardNames::ours)
                || !headers.getAll(ORIGIN).stream().allMatch(GuardNames::oursAsOrigin)
                || crossSite(request);
    }

    /** What a page has fetched without an Origin, as for a picture; a link may be followed. */
    private static boolean crossSite(HttpRequest request) {
        HttpHeaders headers = request.headers();
        boolean followed =
                request.method().equals(HttpMethod.GET)
                        && headers.contains("Sec-Fetch-Dest", "document", true);
        return headers.contains("Sec-Fetch-Site", "cross-site", true) && !followed;
    }

    private static void refuse(ChannelHandlerContext context) {
        DefaultFullHttpResponse answer =
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1,
                        HttpResponseStatus.FORBIDDEN,
                        Unpooled.wrappedBuffer(REFUSAL));
        answer.headers()
                .set(CONTENT_TYPE, "application/json")
                .set(CONTENT_LENGTH, REFUSAL.length)
                .set(CONNECTION, "close");
        context.writeAndFlush(answer);
    }
}
