// The door `smollm2/chat`: messages to a prompt.

export {
  type ChatMessage,
  ChatTemplate,
  type ChatTokenizer,
  ConversationError,
  chatml,
  type RenderOptions,
  type SpecialTexts,
  type TextPart,
} from './chat/template.ts';
