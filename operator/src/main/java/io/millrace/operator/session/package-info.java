/**
 * The session operator: one turn at a time per conversation, all conversations batched in the task manager's engine.
 *
 * <p>Threads: everything runs in the task thread, but for the engine's callbacks, which {@link
 * io.millrace.operator.session.EngineInbox} brings there as mails.
 */
@NullMarked
package io.millrace.operator.session;

import org.jspecify.annotations.NullMarked;
