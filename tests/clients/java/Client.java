import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/**
 * {@code java Client.java METHOD URL}: one request of the JDK's own client, with its defaults: it offers HTTP/2.
 *
 * <p>The body is read from standard input, the answer's written to standard output. The status is that of success or failure.
 */
final class Client {
  public static void main(String[] words) throws IOException, InterruptedException {
    byte[] body = System.in.readAllBytes();
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(words[1]))
            .method(words[0], body.length == 0 ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
    HttpResponse<byte[]> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofByteArray());
    System.out.write(answer.body());
    System.out.flush();
    System.exit(answer.statusCode() / 100 == 2 ? 0 : 1);
  }
}
