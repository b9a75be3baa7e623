package io.millrace.job.embedded;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import kafka.server.BrokerServer;
import kafka.server.ControllerServer;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import kafka.server.Server;
import kafka.server.SharedServer;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.bootstrap.BootstrapDirectory;
import org.apache.kafka.metadata.properties.MetaPropertiesEnsemble;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.server.fault.LoggingFaultHandler;
import org.jspecify.annotations.Nullable;

/**
 * A Kafka broker in this JVM: one KRaft node that is broker and controller, listening on loopback ports that the system picks.
 * {@link #close()} ends it, from any thread.
 */
public final class EmbeddedKafka implements AutoCloseable {
    private static final int NODE_ID = 1;
    private static final int ANY_PORT = 0;
    /** Always the same, so that a log directory can be used again. */
    private static final String CLUSTER_ID = "bWlsbHJhY2Uta2Fma2EtMQ";
    private static final String BROKER = "PLAINTEXT";
    private static final String CONTROLLER = "CONTROLLER";

    private final BrokerServer broker;
    private final ControllerServer controller;
    private final int port;
    private final @Nullable Path temporary;

    private EmbeddedKafka(BrokerServer broker, ControllerServer controller, int port, @Nullable Path temporary) {
        this.broker = broker;
        this.controller = controller;
        this.port = port;
        this.temporary = temporary;
    }

    /** A broker with an empty log in a temporary directory, which {@link #close()} deletes. */
    public static EmbeddedKafka start() {
        try {
            Path directory = Files.createTempDirectory("millrace-kafka");
            return start(directory, ANY_PORT, directory);
        } catch (IOException e) {
            throw new UncheckedIOException("no temporary directory for the Kafka broker", e);
        }
    }

    /** A broker whose log is in a directory: an empty one, or one that an earlier broker left. */
    public static EmbeddedKafka start(Path directory) {
        return start(directory, ANY_PORT);
    }

    /** The same on a port of the caller's choice, so that clients of an earlier broker find this one. */
    public static EmbeddedKafka start(Path directory, int port) {
        return start(directory, port, null);
    }

    private static EmbeddedKafka start(Path directory, int port, @Nullable Path temporary) {
        // Sockets are bound before anything is configured, so that every part can be told its real port.
        try (Sockets sockets = Sockets.bind(port)) {
            KafkaConfig config = KafkaConfig.fromProps(properties(directory, sockets), false);
            MetaPropertiesEnsemble identity = format(directory);
            SharedServer shared = new SharedServer(config, identity, Time.SYSTEM,
                    Server.initializeMetrics(config, Time.SYSTEM, identity.clusterId().orElseThrow()),
                    CompletableFuture.completedFuture(Map.of(NODE_ID, sockets.address(CONTROLLER))), List.of(),
                    (name, fatal, action) -> new LoggingFaultHandler(name, action),
                    (listener, address, backlog, buffer) -> sockets.take(listener));
            ControllerServer controller = new ControllerServer(shared, KafkaRaftServer.configSchema(),
                    new BootstrapDirectory(directory.toString()).read());
            BrokerServer broker = new BrokerServer(shared);
            controller.startup();
            broker.startup();
            return new EmbeddedKafka(broker, controller, sockets.address(BROKER).getPort(), temporary);
        } catch (IOException e) {
            throw new UncheckedIOException("the embedded Kafka broker did not start in " + directory, e);
        } catch (Exception e) {
            throw new IllegalStateException("the embedded Kafka broker did not start in " + directory, e);
        }
    }

    private static Properties properties(Path directory, Sockets sockets) {
        int controllerPort = sockets.address(CONTROLLER).getPort();
        Properties properties = new Properties();
        properties.putAll(Map.of("process.roles", "broker,controller", "node.id", String.valueOf(NODE_ID), "log.dirs",
                directory.toString(), "controller.listener.names", CONTROLLER, "listener.security.protocol.map",
                BROKER + ":PLAINTEXT," + CONTROLLER + ":PLAINTEXT", "listeners",
                BROKER + "://127.0.0.1:" + sockets.address(BROKER).getPort() + "," + CONTROLLER + "://127.0.0.1:"
                        + controllerPort,
                "controller.quorum.voters", NODE_ID + "@127.0.0.1:" + controllerPort));
        // One node holds every replica.
        for (String topic : List.of("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")) {
            properties.put(topic + ".num.partitions", "1");
            properties.put(topic + ".replication.factor", "1");
        }
        properties.putAll(Map.of("transaction.state.log.min.isr", "1", "share.coordinator.state.topic.min.isr", "1",
                "default.replication.factor", "1", "min.insync.replicas", "1", "auto.create.topics.enable", "false",
                "group.initial.rebalance.delay.ms", "0", "num.network.threads", "2", "num.io.threads", "4",
                "log.cleaner.dedupe.buffer.size", String.valueOf(4 << 20)));
        // For so long nobody else may be the node after one that died without a word, such as the next one on its directory.
        properties.putAll(Map.of("broker.session.timeout.ms", "3000", "broker.heartbeat.interval.ms", "500"));
        return properties;
    }

    private static MetaPropertiesEnsemble format(Path directory) throws Exception {
        new Formatter().setPrintStream(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8))
                .setNodeId(NODE_ID).setClusterId(CLUSTER_ID).addDirectory(directory.toString())
                .setMetadataLogDirectory(directory.toString()).setControllerListenerName(CONTROLLER)
                .setReleaseVersion(MetadataVersion.LATEST_PRODUCTION).setIgnoreFormatted(true).run();
        return new MetaPropertiesEnsemble.Loader().addLogDirs(List.of(directory.toString()))
                .addMetadataLogDir(directory.toString()).load();
    }

    /** The address for {@code bootstrap.servers}. */
    public String bootstrapServers() {
        return "127.0.0.1:" + port;
    }

    @Override
    public void close() {
        broker.shutdown();
        controller.shutdown();
        broker.awaitShutdown();
        controller.awaitShutdown();
        if (temporary != null) {
            delete(temporary);
        }
    }

    private static void delete(Path directory) {
        try {
            Files.walkFileTree(directory, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.delete(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e) throws IOException {
                    Files.delete(visited);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException("could not delete the Kafka broker's directory " + directory, e);
        }
    }

    /** The two listening sockets. The servers take them; those that nobody took are closed. */
    private static final class Sockets implements AutoCloseable {
        private final Map<String, ServerSocketChannel> open = new ConcurrentHashMap<>();
        private final Map<String, InetSocketAddress> addresses = new ConcurrentHashMap<>();

        static Sockets bind(int brokerPort) throws IOException {
            Sockets sockets = new Sockets();
            try {
                sockets.bind(BROKER, brokerPort);
                sockets.bind(CONTROLLER, ANY_PORT);
                return sockets;
            } catch (IOException e) {
                sockets.close();
                throw e;
            }
        }

        private void bind(String listener, int port) throws IOException {
            ServerSocketChannel channel = ServerSocketChannel.open();
            open.put(listener, channel);
            channel.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            channel.configureBlocking(false);
            addresses.put(listener, (InetSocketAddress) channel.getLocalAddress());
        }

        InetSocketAddress address(String listener) {
            return Objects.requireNonNull(addresses.get(listener), listener);
        }

        ServerSocketChannel take(String listener) throws IOException {
            ServerSocketChannel channel = open.remove(listener);
            if (channel == null) {
                throw new IOException("the socket of listener " + listener + " is taken already");
            }
            return channel;
        }

        @Override
        public void close() throws IOException {
            for (ServerSocketChannel channel : open.values()) {
                channel.close();
            }
        }
    }
}
