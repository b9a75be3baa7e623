package io.millrace.job.chaos;

/** What is done to the cluster. */
sealed interface Disturbance {

    /** {@code kill -9} of task managers, at the same moment. */
    record KillTaskManagers(int count) implements Disturbance {
        @Override
        public int kills() {
            return count;
        }

        @Override
        public String toString() {
            return count == 1 ? "kill -9 of a task manager" : "kill -9 of " + count + " task managers at once";
        }
    }

    /** {@code kill -9} of the job manager. */
    record KillJobManager() implements Disturbance {
        @Override
        public int kills() {
            return 1;
        }

        @Override
        public String toString() {
            return "kill -9 of the job manager";
        }
    }

    /** {@code kill -9} of the only broker, which comes back with its log. */
    record KillBroker() implements Disturbance {
        @Override
        public int kills() {
            return 1;
        }

        @Override
        public String toString() {
            return "kill -9 of the broker";
        }
    }

    /** Stop with a savepoint, without drain, and restore at another parallelism. */
    record Rescale(int parallelism) implements Disturbance {
        @Override
        public int kills() {
            return 0;
        }

        @Override
        public String toString() {
            return "stop with savepoint, restore at parallelism " + parallelism;
        }
    }

    /** {@code kill -9} of a task manager while the job stops with a savepoint. */
    record KillDuringSavepoint(int delayMillis) implements Disturbance {
        @Override
        public int kills() {
            return 1;
        }

        @Override
        public String toString() {
            return "stop with savepoint, kill -9 of a task manager " + delayMillis + " ms later";
        }
    }

    /** Processes that it kills. */
    int kills();
}
