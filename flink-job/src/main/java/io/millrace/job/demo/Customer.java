package io.millrace.job.demo;

import io.millrace.training.desk.Language;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A customer of the demo's shop.
 *
 * @param id of the conversation
 * @param looksUp whether the shop's tools are offered
 * @param messages what is written, turn by turn
 */
record Customer(String id, Language language, boolean looksUp, List<String> messages) {
    private record Script(Language language, boolean looksUp, List<String> messages) {}

    private static final List<Script> SCRIPTS = List.of(
            new Script(Language.EN, false, List.of(
                    "Hello, my kettle leaks from the lid. My order number is 48213. I am very disappointed.",
                    "Which order was it again?")),
            new Script(Language.DE, true, List.of(
                    "Guten Tag, wie weit ist meine Bestellung 50977?",
                    "Und wie viel hat Bestellung 50977 gekostet?")),
            new Script(Language.FR, false, List.of(
                    "Bonjour, je voudrais être remboursé pour la commande 31846. Merci de faire vite.",
                    "Quel était le numéro de ma commande ?")),
            new Script(Language.IT, true, List.of(
                    "Buongiorno, qual è lo stato del mio ordine 62075?",
                    "E quanto è costato l'ordine 62075?")),
            new Script(Language.PT, false, List.of(
                    "Bom dia, não consigo entrar na minha conta. O meu pedido é o 90452. Estou muito chateado.",
                    "Qual era o número do meu pedido?")),
            new Script(Language.HI, true, List.of(
                    "नमस्ते, ऑर्डर 27394 की स्थिति क्या है?",
                    "ऑर्डर 27394 की कुल कीमत कितनी है?")),
            new Script(Language.ES, false, List.of(
                    "Hola, me habéis cobrado dos veces el pedido 16538. Es urgente.",
                    "¿Cuál era mi número de pedido?")),
            new Script(Language.TH, true, List.of(
                    "สวัสดีค่ะ คำสั่งซื้อ 75120 ถึงไหนแล้ว",
                    "คำสั่งซื้อ 75120 ราคารวมเท่าไหร่")));

    /** The {@code index}-th customer of a demo; scripts repeat when there are more customers, or turns, than were written. */
    static Customer of(int index, int turns) {
        Script script = SCRIPTS.get(index % SCRIPTS.size());
        return new Customer("customer-" + (index + 1), script.language, script.looksUp,
                IntStream.range(0, turns).mapToObj(turn -> script.messages.get(turn % script.messages.size()))
                        .toList());
    }
}
